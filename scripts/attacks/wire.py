"""Bytes of HTTP and of RFC 6455, as a client sends and receives them."""

import base64
import json
import os
import struct

TEXT, CONTINUATION, CLOSE, PING, PONG = 1, 0, 8, 9, 10


def request(method, path, body=None, headers=()):
    """A request on a connection that stays open. A body that isn't bytes is sent as JSON."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if body is not None:
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def upgrade(path="/ws"):
    key = base64.b64encode(os.urandom(16)).decode()
    websocket = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    return request("GET", path, headers=(*websocket, f"Sec-WebSocket-Key: {key}"))


def frame(opcode, payload, fin=True):
    """A frame of a client. The mask is zero, so that the payload needs no work."""
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", size)
    return head + bytes(4) + payload


def command(*commands):
    """A text frame of one command, or of a batch."""
    value = commands[0] if len(commands) == 1 else list(commands)
    return frame(TEXT, json.dumps(value, separators=(",", ":")).encode())


class Frames:
    """Splits what a server sends into (opcode, payload)."""

    def __init__(self, rest=b""):
        self.buffer = bytearray(rest)

    def feed(self, received):
        self.buffer += received
        at, frames = 0, []
        while len(self.buffer) - at >= 2:
            size, start = self.buffer[at + 1], at + 2
            if size >= 126:
                width = 2 if size == 126 else 8
                start += width
                if len(self.buffer) < start:
                    break
                size = int.from_bytes(self.buffer[start - width : start], "big")
            if len(self.buffer) < start + size:
                break
            frames.append((self.buffer[at] & 15, bytes(self.buffer[start : start + size])))
            at = start + size
        del self.buffer[:at]
        return frames


def close_code(payload):
    return int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
