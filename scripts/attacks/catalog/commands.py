"""Clients that send commands: too many, too large, or without reading the replies."""

import time

from attacks import wire
from attacks.attack import Harm, attack
from attacks.beside import together
from attacks.catalog.requests import hold_bodies
from attacks.peers import Backend, WebSocket, read_all, send, websockets

PING = {"type": "ping"}


def unread_pages(target, count=3000, hold=8):
    backend = Backend(target)
    for channel in "abcd":
        backend.fill(channel, 400, 1000)
    ask = [{"type": "history", "channel": channel, "limit": 1000} for channel in "abcd"]
    clients = websockets(target, count, *ask, receive_buffer=4096)
    time.sleep(hold)
    return len(clients)


@attack("A4", "--history", "1000")
def history_commands(target):
    """3,000 clients with one frame of four `history` commands that don't read"""
    return f"{unread_pages(target):,} clients"


@attack("A5", "--history", "1000")
def memory_comes_back(target):
    """A2 and A4 in turn, three times"""
    for _ in range(3):
        together([(hold_bodies, target, 1000, 3)])
        together([(unread_pages, target, 3000, 3)])
    return ""


@attack("A7")
def full_batches(target):
    """A client that pings in batches of 1,000 and reads everything: it must not be evicted"""
    client = WebSocket(target)
    batch, sent, pongs, deadline = wire.command(*[PING] * 1000), 0, 0, time.monotonic() + 8
    while time.monotonic() < deadline and client.code is None:
        sent += 1000
        client.sock.settimeout(5)
        client.sock.sendall(batch)
        while pongs < sent - 3000 and client.code is None:
            pongs += sum(opcode == wire.TEXT for opcode, _ in client.receive(1))
    if client.code is not None:
        raise Harm(f"closed with {client.code} after {pongs:,} pongs")
    return f"{pongs:,} pongs"


@attack("A7-many")
def full_batches_unread(target):
    """2,000 clients that send batches of 1,000 pings and never read"""
    clients = websockets(target, 2000, *[PING] * 1000, receive_buffer=4096)
    batch = wire.command(*[PING] * 1000)
    for _ in range(4):
        for client in clients:
            send(client.sock, batch, 0.0)
        time.sleep(1.5)
    return f"{len(clients):,} clients"


@attack("ids")
def large_ids(target):
    """1,000 clients whose commands have ids of 60 KB, and that don't read the errors"""
    text = wire.command({"type": "ping", "id": "i" * 60_000}) * 4
    clients = websockets(target, 1000, receive_buffer=4096)
    for _ in range(4):
        for client in clients:
            send(client.sock, text, 0.0)
    time.sleep(4)
    return f"{len(clients):,} clients"


@attack("invalid")
def invalid_commands(target):
    """Batches of 1,000 invalid commands, from two processes that read"""
    return f"{sum(together([(_invalid_commands, target)] * 2)):,} errors"


def _invalid_commands(target):
    client, errors, deadline = WebSocket(target), 0, time.monotonic() + 8
    bad = [{"type": "subscribe", "channel": "$user:x"}, {"type": "nope"}, {"type": "join"}, {"type": "join", "room": ""}]
    batch = wire.command(*bad * 250)
    while time.monotonic() < deadline and client.code is None:
        send(client.sock, batch, 5)
        got = 0
        while got < 1000 and client.code is None:
            got += sum(opcode == wire.TEXT for opcode, _ in client.receive(1))
        errors += got
    if client.code is not None:
        raise Harm(f"closed with {client.code}")
    return errors


@attack("long-names")
def long_invalid_names(target):
    """2,000 clients that join rooms whose invalid names have 15 KB, and don't read the errors"""
    long = [{"type": "join", "room": "n" * 15_000}] * 4
    clients = websockets(target, 2000, *long, receive_buffer=4096)
    text = wire.command(*long)
    for _ in range(8):
        for client in clients:
            send(client.sock, text, 0.0)
        time.sleep(0.5)
    time.sleep(2)
    return f"{len(clients):,} clients"


@attack("churn", "--history", "100")
def subscriptions_churn(target):
    """Two clients that subscribe to 10,000 new names per round and unsubscribe again, and read"""
    return f"{sum(together([(_churn, target, which) for which in range(2)])):,} subscriptions"


def _churn(target, which):
    client, done, deadline = WebSocket(target), 0, time.monotonic() + 8
    while time.monotonic() < deadline:
        for kind in ("subscribe", "unsubscribe"):
            names = [f"churn-{which}-{done + n}" for n in range(1000)]
            client.send(*[{"type": kind, "channel": name} for name in names])
            got = 0
            while got < 1000:
                got += sum(opcode == wire.TEXT for opcode, _ in client.receive(2))
                if client.code is not None:
                    raise RuntimeError(f"closed with {client.code}")
        done += 1000
    return done


@attack("topics")
def many_topics(target):
    """500 clients with 1,000 subscriptions each, dropped at once"""
    sent = 0
    clients = []
    for n in range(500):
        batch = [{"type": "subscribe", "channel": f"t-{n}-{m}"} for m in range(1000)]
        new = websockets(target, 1, *batch)
        read_all(new, 0.05)
        clients += new
        sent += 1000
    read_all(clients, 3)
    return f"{sent:,} subscriptions"
