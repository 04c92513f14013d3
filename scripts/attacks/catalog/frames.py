"""WebSocket frames that never end, or come byte by byte."""

import time

from attacks import wire
from attacks.attack import attack
from attacks.peers import codes, read_all, send, websockets


def _each(clients, data, seconds, pause=0.0):
    """Sends `data` to the server from all clients again and again."""
    deadline, sent = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        sent += sum(send(client.sock, data, 0.0) for client in clients)
        time.sleep(pause)
    return sent


@attack("byte-by-byte")
def frames_byte_by_byte(target):
    """1,000 clients that send a message of 60 KB byte by byte"""
    clients = websockets(target, 1000)
    for client in clients:
        send(client.sock, wire.frame(wire.TEXT, b"x" * 60_000)[:8])
    return f"{_each(clients, b'x', 8):,} bytes"


@attack("held-frames")
def unfinished_messages(target):
    """3,000 clients that hold back the last byte of a message of 64 KiB"""
    message = wire.frame(wire.TEXT, b" " * 65_536)[:-1]
    clients = websockets(target, 3000)
    sent = sum(send(client.sock, message) for client in clients)
    time.sleep(6)
    return f"{sent:,} messages without their end"


@attack("fragments")
def endless_fragments(target):
    """200 clients that send fragments of 60 bytes and never the last"""
    clients = websockets(target, 200)
    for client in clients:
        send(client.sock, wire.frame(wire.TEXT, b"x" * 60, fin=False))
    _each(clients, wire.frame(wire.CONTINUATION, b"x" * 60, fin=False) * 50, 3)
    return codes(read_all(clients, 5, until_closed=True))


@attack("empty-fragments")
def empty_fragments(target):
    """200 clients that send empty fragments and never the last"""
    clients = websockets(target, 200)
    for client in clients:
        send(client.sock, wire.frame(wire.TEXT, b"", fin=False))
    _each(clients, wire.frame(wire.CONTINUATION, b"", fin=False) * 50, 3)
    return codes(read_all(clients, 5, until_closed=True))


@attack("pings")
def ping_flood(target):
    """1,000 clients that send pings of 125 bytes and never read"""
    clients = websockets(target, 1000, receive_buffer=4096)
    sent = _each(clients, wire.frame(wire.PING, b"p" * 125) * 100, 8)
    return f"{sent * 100:,} pings"


@attack("pongs")
def pong_flood(target):
    """100 clients that send pongs nobody asked for"""
    clients = websockets(target, 100)
    return f"{_each(clients, wire.frame(wire.PONG, b'') * 1000, 8) * 1000:,} pongs"


@attack("too-large")
def oversized_messages(target):
    """100 clients that send messages of 1 MB, just below 16 times the limit"""
    clients = websockets(target, 100)
    for client in clients:
        send(client.sock, wire.frame(wire.TEXT, b"x" * 1_000_000), 0.5)
    _each(clients, wire.frame(wire.TEXT, b"x" * 100_000), 6)
    return codes(read_all(clients, 2, until_closed=True))
