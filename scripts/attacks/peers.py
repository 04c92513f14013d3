"""Connections of an attacker: one, or very many."""

import itertools
import json
import selectors
import socket
import struct
import time
from collections import Counter

from attacks import wire

CONNECT_S = 10
# One address has about 28,000 ports.
SOCKETS_PER_ADDRESS = 8000
_opened = itertools.count()
LOST = 1006


def connect(target, receive_buffer=None):
    """A TCP connection. A small `receive_buffer` makes a peer that does not read stall soon."""
    sock = socket.socket()
    sock.settimeout(CONNECT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.bind((f"127.0.0.{2 + next(_opened) // SOCKETS_PER_ADDRESS}", 0))
    sock.connect(("127.0.0.1", target.port))
    return sock


def reset(sock):
    """Closes with a reset, as a peer that dies does."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def send(sock, data, patience=1.0):
    """Sends as much as the peer accepts in time; False if it was not all or the connection has ended."""
    sock.settimeout(patience)
    try:
        sock.sendall(data)
    except OSError:
        return False
    return True


class WebSocket:
    """A client. Blocking; every wait has a deadline."""

    def __init__(self, target, path="/ws", receive_buffer=None):
        self.sock = connect(target, receive_buffer)
        self.sock.sendall(wire.upgrade(path))
        head = b""
        while b"\r\n\r\n" not in head:
            received = self.sock.recv(4096)
            if not received:
                raise ConnectionError("the server ended the handshake")
            head += received
        head, rest = head.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            self.sock.close()
            raise ConnectionError(head.split(b"\r\n", 1)[0].decode())
        self._frames = wire.Frames()
        self._ready = self._frames.feed(rest)
        self.code = None

    def fileno(self):
        return self.sock.fileno()

    def send(self, *commands):
        return send(self.sock, wire.command(*commands), CONNECT_S)

    def receive(self, seconds=0.0, size=65536):
        """The frames of at most one read; pings are answered. Empty if none came, or at the end, which
        sets `code`."""
        frames, self._ready = self._ready, []
        if not frames and self.code is None:
            self.sock.settimeout(max(seconds, 0.0))
            try:
                received = self.sock.recv(size)
            except (BlockingIOError, socket.timeout):
                return []
            except OSError:
                received = b""
            frames = self._frames.feed(received)
            if not received:
                self.code = LOST
        for opcode, payload in frames:
            if opcode == wire.PING:
                send(self.sock, wire.frame(wire.PONG, payload), 0.0)
            elif opcode == wire.CLOSE:
                self.code = wire.close_code(payload)
        return frames

    def messages(self, seconds=0.0):
        return [json.loads(payload) for opcode, payload in self.receive(seconds) if opcode == wire.TEXT]

    def ask(self, seconds=10, **fields):
        """Sends one command with an id, and returns its reply."""
        self.send(dict(fields, id="ask"))
        deadline = time.monotonic() + seconds
        while self.code is None and time.monotonic() < deadline:
            for message in self.messages(deadline - time.monotonic()):
                if message.get("id") == "ask":
                    return message
        raise ConnectionError(f"no reply to {fields} (close code {self.code})")


def websockets(target, count, *commands, path="/ws", receive_buffer=None):
    """Clients that have sent these commands in one frame. Those that the server refuses are left out."""
    clients = []
    for _ in range(count):
        try:
            client = WebSocket(target, path, receive_buffer)
        except OSError:
            continue
        if commands:
            client.send(*commands)
        clients.append(client)
    return clients


def read_all(clients, seconds, until_closed=False):
    """Reads everything that comes to WebSockets, and answers pings."""
    selector = selectors.DefaultSelector()
    for client in clients:
        if client.code is None:
            selector.register(client, selectors.EVENT_READ, client)
    deadline = time.monotonic() + seconds
    while selector.get_map() and time.monotonic() < deadline:
        for key, _ in selector.select(0.1):
            client = key.data
            client.receive()
            if client.code is not None:
                selector.unregister(client)
    selector.close()
    return Counter(client.code for client in clients) if until_closed else None


def codes(counted):
    """A note such as `1013: 2,900, open: 100`."""
    return ", ".join(f"{'open' if code is None else code}: {n:,}" for code, n in counted.most_common())


def count_open(socks):
    """How many connections the server has not ended. Reads at most what is there."""
    still = 0
    for sock in socks:
        sock.settimeout(0)
        try:
            while sock.recv(1 << 20):
                pass
        except (BlockingIOError, socket.timeout):
            still += 1
        except OSError:
            pass
    return still


class Backend:
    """Publishes over one connection that stays open."""

    def __init__(self, target):
        self.target = target
        self.sock = None

    def call(self, method, path, body=None, seconds=30):
        """Status and text of the answer; status 0 if there was none."""
        try:
            if self.sock is None:
                self.sock = connect(self.target)
            self.sock.settimeout(seconds)
            self.sock.sendall(wire.request(method, path, body))
            return self._answer()
        except (OSError, ValueError):
            if self.sock:
                self.sock.close()
            self.sock = None
            return 0, b""

    def _answer(self):
        received = b""
        while b"\r\n\r\n" not in received:
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError("no answer")
            received += more
        head, body = received.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        while len(body) < int(fields["content-length"]):
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError("a cut answer")
            body += more
        if fields.get("connection") == "close":
            self.sock.close()
            self.sock = None
        return int(lines[0].split()[1]), body

    def publish(self, channel, size=0, **fields):
        event = dict({"channel": channel, "data": {"p": "x" * size}}, **fields)
        return self.call("POST", "/api/events", event)[0]

    def batch(self, events):
        return self.call("POST", "/api/events/batch", {"events": events})

    def fill(self, channel, messages, size):
        """Fills a channel's history."""
        event = {"channel": channel, "data": {"p": "x" * size}}
        step = max(1, min(1000, 900_000 // (size + 60)))
        for start in range(0, messages, step):
            self.batch([event] * min(step, messages - start))
