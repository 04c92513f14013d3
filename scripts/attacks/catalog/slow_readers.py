"""Clients that read slowly or not at all, and a server that was paused."""

import os
import signal
import time

from attacks import wire
from attacks.attack import Harm, attack
from attacks.peers import Backend, WebSocket, codes, read_all, websockets

SHORT = ("--ping-interval", "1s", "--pong-timeout", "3s")


@attack("A9-pause", *SHORT, unjudged=("pong", "health", "health late"))
def paused_server(target):
    """The server is paused for 6 s, twice its pong timeout: healthy clients must stay"""
    clients = websockets(target, 500)
    read_all(clients, 3)
    os.kill(target.pid, signal.SIGSTOP)
    time.sleep(6)
    os.kill(target.pid, signal.SIGCONT)
    closed = read_all(clients, 5, until_closed=True)
    if closed[None] != len(clients):
        raise Harm(codes(closed))
    return codes(closed)


@attack("A9-steady", *SHORT)
def steady_slow_reader(target):
    """A client that takes 60 KB/s of a backlog of 0.9 MB: it must not be closed"""
    client = WebSocket(target, receive_buffer=4096)
    client.ask(type="subscribe", channel="backlog")
    Backend(target).batch([{"channel": "backlog", "data": {"p": "x" * 1000}}] * 820)
    deadline = time.monotonic() + 14
    received = 0
    while time.monotonic() < deadline and client.code is None:
        received += sum(len(payload) for _, payload in client.receive(size=6000))
        time.sleep(0.1)
    if client.code is not None:
        raise Harm(f"closed with {client.code} after {received:,} bytes")
    return f"{received:,} bytes"


def _stall(target, count, path="/ws"):
    commands = () if path != "/ws" else ({"type": "subscribe", "channel": "flood"},)
    return websockets(target, count, *commands, path=path, receive_buffer=4096)


def _flood(target, megabytes, size=8000):
    backend = Backend(target)
    per_batch = 900_000 // size
    for _ in range(megabytes * 1_000_000 // (per_batch * size)):
        backend.batch([{"channel": "flood", "data": {"p": "x" * size}}] * per_batch)


@attack("C11")
def mass_eviction(target):
    """3,000 stalled clients that are evicted at once, and then read on after 2 s"""
    clients = _stall(target, 3000)
    _flood(target, 3)
    time.sleep(2)
    closed = read_all(clients, 10, until_closed=True)
    return codes(closed)


@attack("C11-now")
def mass_eviction_of_readers(target):
    """3,000 clients that stall, are evicted, and read on at once: they should see 1013"""
    clients = _stall(target, 3000)
    _flood(target, 2)
    closed = read_all(clients, 10, until_closed=True)
    return codes(closed)


@attack("stalled-apart", "--history", "0")
def stalled_with_own_channels(target):
    """3,000 stalled clients that each have 0.9 MB of their own waiting"""
    clients = []
    for n in range(3000):
        clients += websockets(target, 1, {"type": "subscribe", "channel": f"own-{n}"}, receive_buffer=4096)
    backend = Backend(target)
    for client in range(len(clients)):
        event = {"channel": f"own-{client}", "data": {"p": "x" * 60_000}}
        backend.batch([event] * 14)
    time.sleep(3)
    return codes(read_all(clients, 0, until_closed=True))


@attack("stalled-rooms")
def stalled_room_mates(target):
    """30 rooms of 99 stalled members; in each, a member says 0.9 MB"""
    clients = []
    for n in range(30):
        clients += websockets(target, 99, {"type": "join", "room": f"room-{n}"}, receive_buffer=4096)
    talkers = [WebSocket(target) for _ in range(30)]
    for n, talker in enumerate(talkers):
        talker.send({"type": "join", "room": f"room-{n}"})
        for _ in range(15):
            content = wire.command({"type": "message", "room": f"room-{n}", "content": "x" * 60_000})
            talker.sock.settimeout(5)
            talker.sock.sendall(content)
        talker.receive()
    time.sleep(3)
    return codes(read_all(talkers, 0.5, until_closed=True))
