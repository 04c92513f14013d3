"""Connections that are opened and hardly used."""

import time

from attacks import wire
from attacks.attack import Harm, attack
from attacks.beside import FORK, together
from attacks.peers import Backend, WebSocket, connect, reset, send


@attack("A8-full")
def all_descriptors(target):
    """All file descriptors taken by 20,000 WebSockets, and health asked meanwhile"""
    gate = FORK.Event()
    opened = sum(together([(_open_many, target, 7000, gate)] * 3, 120))
    return f"{opened:,} WebSockets were open"


def _open_many(target, count, gate):
    """Opens until the server refuses, and stays until all have finished or for a while."""
    clients, refused = [], 0
    while len(clients) < count and refused < 20:
        try:
            clients.append(WebSocket(target))
        except OSError:
            refused += 1
            time.sleep(0.02)
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        gate.wait(0.1)
    return len(clients)


@attack("silent-http")
def silent_connections(target):
    """6,000 connections that send nothing, and new ones all the time"""
    socks = [connect(target) for _ in range(6000)]
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        socks.append(connect(target))
        socks.pop(0).close()
    return f"{len(socks):,} open"


@attack("half-upgrade")
def half_handshakes(target):
    """4,000 upgrades without their last byte"""
    half = wire.upgrade()[:-1]
    socks = [connect(target) for _ in range(4000)]
    for sock in socks:
        send(sock, half)
    time.sleep(8)
    return f"{len(socks):,} open"


@attack("slow-heads")
def slow_heads(target):
    """3,000 request heads sent byte by byte"""
    head = b"GET /api/stats HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 500
    socks, at = [connect(target) for _ in range(3000)], 0
    deadline = time.monotonic() + 13
    while time.monotonic() < deadline and at < len(head):
        alive = sum(send(sock, head[at : at + 1], 0.0) for sock in socks)
        at += 1
        time.sleep(0.2)
    if alive:
        raise Harm(f"{alive:,} slow heads are still accepted after 13 s")
    return "all were ended after 10 s"


@attack("A12")
def aborted_connects(target):
    """20,000 connections that are reset at once, before or after they are accepted"""
    for count in range(20_000):
        sock = connect(target)
        if count % 2:
            send(sock, wire.upgrade())
        reset(sock)
    status, _ = Backend(target).call("GET", "/healthz")
    return f"then /healthz answers {status}"


@attack("upgrades")
def upgrades_and_resets(target):
    """Upgrades that are reset as soon as they are answered, from two processes"""
    return f"{sum(together([(_upgrade_and_reset, target)] * 2)):,} connections"


def _upgrade_and_reset(target):
    count, deadline = 0, time.monotonic() + 8
    while time.monotonic() < deadline:
        client = WebSocket(target)
        client.send({"type": "subscribe", "channel": f"c{count}"})
        reset(client.sock)
        count += 1
    return count
