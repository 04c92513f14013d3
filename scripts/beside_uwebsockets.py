#!/usr/bin/env python3
"""Compares the server CPU time per delivery of Wavecast and uWebSockets, in alternating runs.

uWebSockets runs its own topic tree under socketify, its Python binding. Python code runs once
per published message, never per delivery. Wavecast gets its messages as lines of one publish stream.
Both send the same number of bytes.

    python3 -m venv target/uws && target/uws/bin/pip install socketify==0.0.31
    cargo build --release
    target/uws/bin/python scripts/beside_uwebsockets.py
"""

import itertools
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from ports import ReservedPort

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# channels, subscribers of each, messages queued together (each for a random channel), bytes per message, rounds
CASES = [
    (1, 1000, 1, 128, 100),
    (1, 1000, 16, 128, 60),
    (1, 5000, 16, 128, 12),
    (1, 10_000, 4, 128, 12),
    (1000, 10, 64, 128, 60),
]
RUNS = 5
SERIES = itertools.count(1)
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
STREAM = (
    b"POST /api/events/stream?answers=errors HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def topic(index):
    return f"c{index:04d}"


def serve_uwebsockets(port):
    from socketify import App, CompressOptions, OpCode

    app = App()

    def subscribe(ws, message, opcode):
        ws.subscribe(message)
        ws.send("ok", OpCode.TEXT)

    def publish(response, request):
        message = "x" * int(request.get_query("size"))
        for name in request.get_query("topics").split("."):
            app.publish(name, message, OpCode.TEXT)
        response.end("ok")

    options = {
        "compression": CompressOptions.DISABLED,
        "max_backpressure": 16 * 1024 * 1024,
        "idle_timeout": 0,
        "message": subscribe,
    }
    app.ws("/ws", options)
    app.get("/publish", publish)
    app.listen({"host": "127.0.0.1", "port": port}, lambda _: None)
    app.run()


def wait_until_it_listens(name, server, port):
    deadline = time.monotonic() + 10
    while server.poll() is None and time.monotonic() < deadline:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{name} ended, or did not listen within 10 s")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def publish_request(name, topics, size):
    if name == "uWebSockets":
        return b"GET /publish?size=%d&topics=%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (size, ".".join(topics).encode())
    empty = '{"type":"event","channel":"c0000","data":{"id":"0","timestamp":"2026-01-01T00:00:00.000Z","p":""}}'
    data = {"p": "x" * (size - len(empty))}
    events = ({"channel": name, "id": "0", "data": data} for name in topics)
    # The payload is delivered as it is sent, white space included.
    lines = "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events)
    return f"{len(lines):x}\r\n{lines}\r\n".encode()


def read_until(sock, end):
    data = b""
    while not data.endswith(end):
        received = sock.recv(4096)
        if not received:
            sys.exit("a server closed a connection")
        data += received


def subscribers(name, port, channels, members):
    # Source addresses of its own, since ports stay in use for a minute.
    series = next(SERIES)
    poll, sockets = select.epoll(), {}
    for index in range(channels * members):
        sock = socket.socket()
        sock.settimeout(10)
        sock.bind((f"127.0.{series}.{2 + index // 10_000}", 0))
        sock.connect(("127.0.0.1", port))
        sock.sendall(HANDSHAKE)
        read_until(sock, b"\r\n\r\n")
        command = topic(index // members)
        if name == "Wavecast":
            command = json.dumps({"type": "subscribe", "channel": command})
        sock.sendall(bytes([0x81, 0x80 | len(command)]) + bytes(4) + command.encode())
        read_until(sock, b"}" if name == "Wavecast" else b"ok")
        sock.setblocking(False)
        poll.register(sock.fileno(), select.EPOLLIN)
        sockets[sock.fileno()] = sock
    return poll, sockets


def measure(name, port, pid, case):
    channels, members, waiting, size, rounds = case
    poll, sockets = subscribers(name, port, channels, members)
    control = socket.create_connection(("127.0.0.1", port), timeout=20)
    control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if name == "Wavecast":
        control.sendall(STREAM)
    chosen = random.Random(1)
    requests = [
        publish_request(name, [topic(chosen.randrange(channels)) for _ in range(waiting)], size)
        for _ in range(rounds + 5)
    ]
    expected = members * waiting * (size + (2 if size < 126 else 4))

    def one_round(request):
        control.sendall(request)
        received, deadline = 0, time.monotonic() + 20
        while received < expected:
            if time.monotonic() > deadline:
                sys.exit(f"{name}: {received} of {expected} bytes")
            for descriptor, _ in poll.poll(1):
                received += len(sockets[descriptor].recv(1 << 18))
        assert received == expected, (received, expected)
        if name == "uWebSockets":
            control.recv(1 << 20)

    for request in requests[:5]:
        one_round(request)
    before = cpu_seconds(pid)
    for request in requests[5:]:
        one_round(request)
    return (cpu_seconds(pid) - before) / (rounds * members * waiting) * 1e6


def main():
    if sys.argv[1:2] == ["--serve"]:
        return serve_uwebsockets(int(sys.argv[2]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    reserved = {name: ReservedPort() for name in ("uWebSockets", "Wavecast")}
    ports = {name: port.number for name, port in reserved.items()}
    flags = ["--listen", f"127.0.0.1:{ports['Wavecast']}", "--ping-interval", "10h", "--pong-timeout", "20h"]
    # The same event is published repeatedly.
    flags += ["--publish-window", "0s"]
    uwebsockets = [sys.executable, __file__, "--serve", str(ports["uWebSockets"])]
    servers = {
        "uWebSockets": subprocess.Popen(uwebsockets, stdout=subprocess.DEVNULL),
        "Wavecast": subprocess.Popen([TARGET / "release" / "wavecast", *flags], stdout=subprocess.DEVNULL),
    }
    try:
        for name, server in servers.items():
            wait_until_it_listens(name, server, ports[name])
        print("| channels | subscribers of each | message | waiting | uWebSockets, µs | Wavecast, µs |")
        print("|---|---|---|---|---|---|")
        for case in CASES:
            figures = {name: [] for name in servers}
            for _ in range(RUNS):
                for name, server in servers.items():
                    figures[name].append(measure(name, ports[name], server.pid, case))
            channels, members, waiting, size, _ = case
            cells = []
            for name in servers:
                values = sorted(figures[name])
                cells.append(f"{values[RUNS // 2]:.2f} ({values[0]:.2f}–{values[-1]:.2f})")
            print(f"| {channels} | {members} | {size} B | {waiting} | {' | '.join(cells)} |", flush=True)
    finally:
        for server in servers.values():
            server.terminate()
        for server in servers.values():
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


if __name__ == "__main__":
    main()
