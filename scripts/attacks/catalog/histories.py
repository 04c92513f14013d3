"""Histories: their memory, their replays, and names without end."""

import json
import time

from attacks import wire
from attacks.attack import Harm, attack
from attacks.beside import together
from attacks.peers import Backend, WebSocket, codes, connect, read_all, send, websockets


# Histories stay in memory for ten minutes, within their total.
KEPT = ("memory after",)


@attack("B3", "--history", "100", unjudged=KEPT)
def many_channels(target):
    """100,000 channel names published to, with history; then statistics"""
    backend = Backend(target)
    for start in range(0, 100_000, 1000):
        names = [f"name-{n}" for n in range(start, start + 1000)]
        backend.call("POST", "/api/events", {"channels": names, "data": {}})
    slowest, length = 0, 0
    for _ in range(20):
        started = time.monotonic()
        status, body = backend.call("GET", "/api/stats")
        slowest, length = max(slowest, time.monotonic() - started), len(body)
        if status != 200:
            raise Harm(f"/api/stats answers {status}")
    return f"/api/stats: {slowest * 1000:.0f} ms, {length:,} bytes"


@attack("B3-budget", "--history", "1000", unjudged=KEPT)
def budget_of_histories(target):
    """600 MB published to 2,000 channels with history"""
    backend = Backend(target)
    for _ in range(5):
        for n in range(2000):
            backend.publish(f"full-{n}", 60_000)
    return "600 MB"


@attack("replay-storm", "--history", "1000")
def replay_storm(target):
    """Four clients that resume a history of 1 MiB from its beginning again and again, and read"""
    epoch = _long_history(target)
    return f"{sum(together([(_resume_often, target, epoch)] * 4)):,} replays"


def _long_history(target):
    backend = Backend(target)
    backend.fill("long", 1000, 900)
    _, body = backend.call("GET", "/api/channels/long/history?limit=1")
    return json.loads(body)["epoch"]


def _resume_often(target, epoch):
    client, replays, deadline = WebSocket(target), 0, time.monotonic() + 8
    since = {"offset": 1, "epoch": epoch}
    batch = wire.command(*[{"type": "subscribe", "channel": "long", "since": since}] * 10)
    while time.monotonic() < deadline:
        client.sock.settimeout(5)
        client.sock.sendall(batch)
        got = 0
        while got < 10:
            got += sum(b'"subscribed"' in payload[:30] for _, payload in client.receive(1))
            if client.code is not None:
                raise RuntimeError(f"closed with {client.code}")
        replays += 10
    return replays


@attack("last", "--history", "1000")
def unsubscribe_and_last(target):
    """Four clients that unsubscribe and subscribe with `last` in batches, and read"""
    _long_history(target)
    return f"{sum(together([(_last_often, target)] * 4)):,} replays"


def _last_often(target):
    client, replays, deadline = WebSocket(target), 0, time.monotonic() + 8
    pair = [{"type": "subscribe", "channel": "long", "last": 1000}, {"type": "unsubscribe", "channel": "long"}]
    batch = wire.command(*pair * 100)
    while time.monotonic() < deadline:
        client.sock.settimeout(5)
        client.sock.sendall(batch)
        got = 0
        while got < 100:
            got += sum(b'"unsubscribed"' in payload[:30] for _, payload in client.receive(1))
            if client.code is not None:
                raise RuntimeError(f"closed with {client.code}")
        replays += 100
    return replays


@attack("slow-replays", "--history", "1000")
def slow_replays(target):
    """1,000 clients that replay a history of 1 MiB and read 1 KB per second"""
    epoch = _long_history(target)
    command = {"type": "subscribe", "channel": "long", "since": {"offset": 1, "epoch": epoch}}
    clients = websockets(target, 1000, command, receive_buffer=4096)
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        for client in clients:
            client.receive(size=1000)
        time.sleep(0.8)
    return codes(read_all(clients, 0, until_closed=True))


@attack("unread-replays", "--history", "1000")
def unread_replays(target):
    """1,000 clients that replay 20 histories of 1 MiB and never read"""
    backend = Backend(target)
    for n in range(20):
        backend.fill(f"long-{n}", 1000, 900)
    asks = [{"type": "subscribe", "channel": f"long-{n}", "last": 1000} for n in range(20)]
    clients = websockets(target, 1000, *asks, receive_buffer=4096)
    time.sleep(6)
    return f"{len(clients):,} clients"


@attack("http-pages", "--history", "1000")
def unread_http_pages(target):
    """2,000 connections that each ask for 100 pages of a history of 1 MiB, and never read"""
    _long_history(target)
    text = wire.request("GET", "/api/channels/long/history?limit=1000") * 100
    socks = [connect(target, 4096) for _ in range(2000)]
    for sock in socks:
        send(sock, text, 0.0)
    time.sleep(6)
    return f"{len(socks):,} connections"
