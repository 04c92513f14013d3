"""Backends that publish as much as they can."""

import json
import time
from collections import Counter

from attacks.attack import Harm, attack
from attacks.beside import Beside, together
from attacks.peers import Backend, WebSocket, codes, read_all, reset, websockets


def _readers(target, count, seconds, *commands):
    clients = websockets(target, count, *commands)
    return read_all(clients, seconds, until_closed=True)


def _saturate(target, seconds, channel, size):
    backend, answers, deadline = Backend(target), Counter(), time.monotonic() + seconds
    while time.monotonic() < deadline:
        status, _ = backend.batch([{"channel": channel, "data": {"p": "x" * size}}] * 20)
        answers[status] += 1
    return answers


def _crowd(target, count, seconds, channel):
    """Processes that read as this many subscribers."""
    command = {"type": "subscribe", "channel": channel}
    return [Beside(_readers, target, count // 2, seconds, command, niceness=5) for _ in range(2)]


def _results(processes):
    """The sum of what they counted."""
    total = Counter()
    for process in processes:
        value, error = process.result(120)
        if error:
            raise RuntimeError(error)
        total += value
    return total


@attack("A8")
def saturating_publishers(target):
    """Four publishers that saturate a channel of 6,000 subscribers"""
    crowd = _crowd(target, 6000, 22, "crowd")
    time.sleep(8)
    answers = sum(together([(_saturate, target, 10, "crowd", 100)] * 4), Counter())
    return f"statuses {dict(answers)}; subscribers: {codes(_results(crowd))}"


@attack("A10")
def one_slow_shard(target):
    """Publishers that saturate a channel whose 4,000 subscribers all are on one shard of two"""
    clients = websockets(target, 8000)
    half = clients[::2]
    for client in half:
        client.send({"type": "subscribe", "channel": "uneven"})
    publishers = [Beside(_saturate, target, 10, "uneven", 100) for _ in range(4)]
    closed = read_all(half, 12, until_closed=True)
    return f"statuses {dict(_results(publishers))}; subscribers: {codes(closed)}"


@attack("C10")
def batch_at_full_mailboxes(target):
    """Batches of 900 while the mailboxes are full: the answer tells what happened to each event"""
    crowd = _crowd(target, 6000, 24, "crowd")
    time.sleep(8)
    pushing = [Beside(_saturate, target, 10, "crowd", 100) for _ in range(4)]
    time.sleep(1)
    backend, answers, untold, deadline = Backend(target), Counter(), 0, time.monotonic() + 8
    while time.monotonic() < deadline:
        status, body = backend.batch([{"channel": "crowd", "data": n} for n in range(900)])
        answers[status] += 1
        if status in (200, 503) and len(json.loads(body).get("events", [])) != 900:
            untold += 1
    _results(pushing)
    _results(crowd)
    if untold:
        raise Harm(f"{untold} answers without an entry for each event")
    return f"statuses {dict(answers)}"


@attack("B1")
def mass_disconnect(target):
    """8,000 clients of one channel that are reset at once"""
    clients = websockets(target, 8000, {"type": "subscribe", "channel": "crowd"})
    read_all(clients, 1)
    started = time.monotonic()
    for client in clients:
        reset(client.sock)
    backend, deadline = Backend(target), time.monotonic() + 10
    while time.monotonic() < deadline:
        _, body = backend.call("GET", "/api/stats")
        if json.loads(body)["active_connections"] < 10:
            return f"{len(clients):,} gone after {time.monotonic() - started:.1f} s"
        time.sleep(0.05)
    raise Harm("the server still counts them after 10 s")


@attack("keys")
def idempotency_keys(target):
    """300,000 idempotency keys of 128 bytes"""
    backend, answers = Backend(target), Counter()
    for start in range(0, 300_000, 1000):
        events = [{"channel": "k", "id": f"{n:0128}", "data": 1} for n in range(start, start + 1000)]
        answers[backend.batch(events)[0]] += 1
    return f"statuses {dict(answers)}"


@attack("user-channels", "--history", "100", unjudged=("memory after",))
def events_for_unknown_users(target):
    """Events for 100,000 users who are not there, with history"""
    backend = Backend(target)
    for start in range(0, 100_000, 1000):
        backend.batch([{"user": f"u{n}", "data": {"p": "x" * 200}} for n in range(start, start + 1000)])
    client = WebSocket(target)
    return f"then a client gets {client.ask(type='ping')['type']}"
