"""Clients of a proxy: over TLS as the public sees it, or in plain text on its private port."""

import base64
import json
import os
import re
import socket
import ssl
import time

from attacks.wire import CLOSE, PING, PONG, TEXT, Frames, close_code, command, frame

# Long enough for a machine that does much else: nothing waits for this long unless it fails.
DEADLINE_S = 20


class Closed(Exception):
    """The connection has ended."""


class Connection:
    """A connection to a port of the proxy, and the requests on it."""

    def __init__(self, port, trust=None):
        plain = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        self.socket = plain
        if trust:
            context = ssl.create_default_context(cafile=str(trust))
            self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.host = f"localhost:{port}"
        self.received = b""

    def send(self, bytes_):
        self.socket.sendall(bytes_)

    def read(self, deadline):
        """Adds what arrives next to `received`."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"nothing more arrived; so far: {self.received[-400:]!r}")
        self.socket.settimeout(left)
        try:
            chunk = self.socket.recv(65536)
        except socket.timeout:
            raise TimeoutError("nothing more arrived") from None
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            chunk = b""
        if not chunk:
            raise Closed(f"the connection ended after {self.received[-400:]!r}")
        self.received += chunk

    def until(self, pattern, seconds=DEADLINE_S):
        """Reads until the pattern is there, and returns its match. What comes before it is dropped."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.received, re.S)):
            self.read(deadline)
        self.received = self.received[found.end():]
        return found

    def request(self, method, path, headers=(), body=None):
        """Sends a request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", *headers]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def status(self):
        """Reads the header section of a response, and returns its status."""
        return int(self.until(rb"HTTP/1\.1 (\d+).*?\r\n\r\n")[1])

    def close(self):
        self.socket.close()


class Socket(Connection):
    """A WebSocket that answers pings while it waits."""

    def __init__(self, port, trust=None, path="/ws", headers=()):
        super().__init__(port, trust)
        key = base64.b64encode(os.urandom(16)).decode()
        self.request("GET", path, ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                                   f"Sec-WebSocket-Key: {key}", *headers))
        self.upgraded = self.status()
        self.frames, self.waiting, self.pings = Frames(), [], 0

    def command(self, **fields):
        self.send(command(fields))

    def next(self, seconds=DEADLINE_S):
        """The next message, as parsed JSON, or the code of a Close frame."""
        deadline = time.monotonic() + seconds
        while True:
            arrived, self.received = self.received, b""
            self.waiting += self.frames.feed(arrived)
            while self.waiting:
                opcode, payload = self.waiting.pop(0)
                if opcode == PING:
                    self.pings += 1
                    self.send(frame(PONG, payload))
                elif opcode == CLOSE:
                    return close_code(payload)
                elif opcode == TEXT:
                    return json.loads(payload)
            self.read(deadline)

    def wait_for(self, **fields):
        """The next message that has these fields."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            message = self.next(deadline - time.monotonic())
            if isinstance(message, dict) and fields.items() <= message.items():
                return message

    def subscribe(self, channel):
        self.command(type="subscribe", channel=channel)
        self.wait_for(type="subscribed", channel=channel)

    def stays_open(self, seconds):
        """Answers pings for this long; whether the connection is still there."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self.next(left)
            except TimeoutError:
                break
            except Closed:
                return False
        return True


def respond(port, trust, method, path, headers=(), body=None):
    """Status and body of the response to one request."""
    connection = Connection(port, trust)
    connection.request(method, path, ("Connection: close", *headers), body)
    status = connection.status()
    deadline = time.monotonic() + DEADLINE_S
    try:
        while True:
            connection.read(deadline)
    except Closed:
        return status, connection.received
    finally:
        connection.close()


KEY = []


def use_key(key):
    """Sends this key of the API from now on."""
    KEY[:] = [f"Authorization: Bearer {key}"]


def publish(port, trust, channel, data):
    """Status of a publication with the key."""
    event = json.dumps({"channel": channel, "data": data}, separators=(",", ":")).encode()
    return respond(port, trust, "POST", "/api/events", KEY, body=event)[0]
