"""HTTP requests that are unfinished, unread, or large."""

import time

from attacks import wire
from attacks.attack import Harm, attack
from attacks.beside import FORK, together
from attacks.peers import Backend, connect, count_open, read_all, send, websockets

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


@attack("A6-many", "--history", "0")
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


@attack("fat-pages")
def pages_of_many_topics(target):
    """500 clients with 1,000 channels of 190 bytes each; 10 requests for all connections, not read"""
    opened = sum(together([(_subscribe_much, target, which) for which in range(2)], 120))
    socks = [connect(target, 4096) for _ in range(10)]
    for sock in socks:
        send(sock, wire.request("GET", "/api/connections?limit=1000"))
    time.sleep(8)
    return f"{opened:,} subscriptions"


def _subscribe_much(target, which, count=250):
    clients = []
    for n in range(count):
        names = [f"{which}-{n}-{m}-" + "n" * 175 for m in range(1000)]
        commands = [{"type": "subscribe", "channel": name} for name in names]
        clients += websockets(target, 1, *commands[:250])
        for start in range(250, 1000, 250):
            clients[-1].send(*commands[start : start + 250])
        read_all(clients[-1:], 0.02)
    read_all(clients, 2)
    FORK.Event().wait(14)
    return len(clients) * 1000


@attack("fat-heads")
def large_unfinished_heads(target):
    """4,000 request heads of 31 KB without their end"""
    head = b"GET /api/stats HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 31_000
    socks = [connect(target) for _ in range(4000)]
    sent = sum(send(sock, head) for sock in socks)
    time.sleep(5)
    return f"{sent:,} heads"


@attack("wide")
def many_wide_requests(target):
    """1,000 requests at once that each publish 16 events to 1,000 channels, four times"""
    names = [f"{n % 10}" for n in range(1000)]
    event = {"channels": names, "data": 1}
    text = wire.request("POST", "/api/events/batch", {"events": [event] * 16})
    socks, answered = [connect(target) for _ in range(1000)], 0
    for _ in range(4):
        for sock in socks:
            send(sock, text, 2)
        for sock in socks:
            sock.settimeout(20)
            try:
                answered += bool(sock.recv(100_000))
            except OSError:
                pass
    return f"{answered:,} of 4,000 answered"


@attack("short-names")
def many_short_names(target):
    """64 requests of 1 MiB at once that name channels of one character, 1,000 per event, four times"""
    event = b'{"channels":["' + b'","'.join([b"c"] * 1000) + b'"],"data":1}'
    body = b'{"events":[' + b",".join([event] * (MIB // len(event) - 1)) + b"]}"
    text = wire.request("POST", "/api/events/batch", body)
    answered = 0
    for _ in range(4):
        socks = [connect(target) for _ in range(64)]
        for sock in socks:
            send(sock, text, 2)
        for sock in socks:
            sock.settimeout(5)
            try:
                answered += bool(sock.recv(100))
            except OSError:
                pass
    return f"{answered} of 256 answered"
