"""Event streams: never read, reopened, and resumed with anything."""

import time

from attacks import wire
from attacks.attack import attack
from attacks.beside import together
from attacks.peers import Backend, connect, send


def _open(target, query="channel=news", headers=(), receive_buffer=4096):
    sock = connect(target, receive_buffer)
    sock.sendall(wire.request("GET", f"/sse?{query}", headers=headers))
    return sock


@attack("unread-streams")
def unread_streams(target):
    """3,000 event streams that never read, of a channel that gets 5 MB"""
    socks = [_open(target) for _ in range(3000)]
    backend = Backend(target)
    for _ in range(6):
        backend.batch([{"channel": "news", "data": {"p": "x" * 8000}}] * 100)
        time.sleep(0.3)
    time.sleep(4)
    return f"{len(socks):,} streams"


@attack("unread-stream-replays", "--history", "1000")
def unread_stream_replays(target):
    """1,000 event streams that replay 20 histories of 1 MiB and never read"""
    backend = Backend(target)
    for n in range(20):
        backend.fill(f"long-{n}", 1000, 900)
    query = "last=1000&" + "&".join(f"channel=long-{n}" for n in range(20))
    socks = [_open(target, query) for _ in range(1000)]
    time.sleep(6)
    return f"{len(socks):,} streams"


@attack("last-event-id", "--history", "100")
def huge_event_ids(target):
    """Event streams with a Last-Event-ID of 16 KiB for 256 channels, opened and dropped"""
    return f"{sum(together([(_resume_huge, target)] * 2)):,} streams"


def _resume_huge(target):
    query = "&".join(f"channel=c{n}" for n in range(256))
    epochs = "~".join(f"{n:012x}-0" + "".join(f".AAAAAAA{m % 10}{m:x}" for m in range(8)) for n in range(150))
    header = f"Last-Event-ID: {epochs[:16_000]}"
    count, socks, deadline = 0, [], time.monotonic() + 8
    while time.monotonic() < deadline:
        socks.append(_open(target, query, [header]))
        count += 1
        if len(socks) > 20:
            socks.pop(0).close()
    return count


@attack("stream-queries")
def huge_stream_queries(target):
    """Requests for event streams whose query names 2,500 channels, or one channel 3,000 times, pipelined"""
    many = wire.request("GET", "/sse?" + "&".join(f"channel={n}" for n in range(2500)))
    same = wire.request("GET", "/sse?" + "&".join("channel=a" for _ in range(3000)))
    count, deadline = 0, time.monotonic() + 8
    while time.monotonic() < deadline:
        for text in (many, same):
            sock = connect(target)
            count += send(sock, text * 20, 0.2)
            sock.close()
    return f"{count:,} connections"


@attack("streams-churn")
def streams_churn(target):
    """Event streams that are opened and dropped at once, from two processes"""
    return f"{sum(together([(_open_and_drop, target)] * 2)):,} streams"


def _open_and_drop(target):
    count, deadline = 0, time.monotonic() + 8
    while time.monotonic() < deadline:
        sock = _open(target, f"channel=c{count}", receive_buffer=None)
        if count % 2:
            sock.settimeout(5)
            sock.recv(100)
        sock.close()
        count += 1
    return count
