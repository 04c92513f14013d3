"""Members of rooms, against their room mates and everybody else."""

import time

from attacks import wire
from attacks.attack import Harm, attack
from attacks.beside import Beside
from attacks.peers import WebSocket, codes, read_all, send, websockets


@attack("A1", "--history", "1000")
def rooms_full_of_text(target):
    """One client that joins 900 rooms and says 60 KB in each, three times"""
    client = WebSocket(target)
    client.send(*[{"type": "join", "room": f"r{n}"} for n in range(900)])
    read_all([client], 1)
    for _ in range(3):
        for n in range(900):
            text = wire.command({"type": "message", "room": f"r{n}", "content": "x" * 60_000})
            send(client.sock, text, 5)
    read_all([client], 0.5)
    return f"{3 * 900 * 60 // 1000} MB"


@attack("join-leave")
def joins_and_leaves(target):
    """A client that joins and leaves a room of 99 all the time, in batches of 1,000"""
    mates = websockets(target, 99, {"type": "join", "room": "busy"})
    reading = Beside(_read_until, mates, 10)
    client, done, deadline = WebSocket(target), 0, time.monotonic() + 8
    batch = wire.command(*[{"type": "join", "room": "busy"}, {"type": "leave", "room": "busy"}] * 500)
    while time.monotonic() < deadline and client.code is None:
        send(client.sock, batch, 5)
        got, until = 0, time.monotonic() + 5
        while got < 1000 and client.code is None and time.monotonic() < until:
            got += sum(opcode == wire.TEXT for opcode, _ in client.receive(1))
        done += got
    closed, _ = reading.result(20)
    return f"{done:,} joins and leaves; its mates, which read: {codes(closed)}"


def _read_until(clients, seconds):
    return read_all(clients, seconds, until_closed=True)


@attack("short-messages")
def short_messages(target):
    """A client that floods a room with short messages; its 50 mates read 20 KB/s (may be evicted)"""
    mates = websockets(target, 50, {"type": "join", "room": "talk"}, receive_buffer=4096)
    reading = Beside(_read_slowly, mates, 9)
    client = WebSocket(target)
    client.send({"type": "join", "room": "talk"})
    text = wire.command(*[{"type": "message", "room": "talk", "content": "x"}] * 200)
    sent, deadline = 0, time.monotonic() + 7
    while time.monotonic() < deadline and client.code is None:
        sent += 200 * send(client.sock, text, 1)
        client.receive()
    closed, _ = reading.result(20)
    if client.code is not None:
        raise Harm(f"the sender was closed with {client.code}")
    return f"{sent:,} messages; its mates: {codes(closed)}"


def _read_slowly(clients, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for client in clients:
            client.receive(size=2000)
        time.sleep(0.1)
    return read_all(clients, 1, until_closed=True)
