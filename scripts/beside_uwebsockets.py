#!/usr/bin/env python3
"""Compares the server CPU time per delivery of Wavecast and uWebSockets, in alternating runs.

uWebSockets runs its own topic tree under socketify, its Python binding. Python code runs once
per published message, never per delivery.

    python3 -m venv target/uws && target/uws/bin/pip install socketify==0.0.31
    cargo build --release
    target/uws/bin/python scripts/beside_uwebsockets.py
"""

import json
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PORTS = {"uWebSockets": 3471, "Wavecast": 3472}
# subscribers, messages queued together, bytes per message, rounds
CASES = [(1000, 1, 128, 100), (1000, 16, 128, 60), (5000, 16, 128, 12)]
RUNS = 3
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def serve_uwebsockets():
    from socketify import App, CompressOptions, OpCode

    app = App()
    options = {
        "compression": CompressOptions.DISABLED,
        "max_backpressure": 16 * 1024 * 1024,
        "idle_timeout": 0,
        "open": lambda ws: ws.subscribe("bench"),
    }

    def publish(response, request):
        message = "x" * int(request.get_query("size"))
        for _ in range(int(request.get_query("count"))):
            app.publish("bench", message, OpCode.TEXT)
        response.end("ok")

    app.ws("/ws", options)
    app.get("/publish", publish)
    app.listen({"host": "127.0.0.1", "port": PORTS["uWebSockets"]}, lambda _: None)
    app.run()


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def publish_request(name, waiting, size):
    if name == "uWebSockets":
        return b"GET /publish?count=%d&size=%d HTTP/1.1\r\nHost: b\r\n\r\n" % (waiting, size)
    empty = '{"type":"event","channel":"bench","data":{"id":"0","timestamp":"2026-01-01T00:00:00.000Z","p":""}}'
    event = {"channel": "bench", "id": "0", "data": {"p": "x" * (size - len(empty))}}
    body = json.dumps({"events": [event] * waiting}).encode()
    head = "POST /api/events/batch HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def read_until(sock, end):
    data = b""
    while not data.endswith(end):
        data += sock.recv(4096)


def subscribers(name, count):
    poll, sockets = select.epoll(), {}
    for index in range(count):
        sock = socket.socket()
        sock.settimeout(10)
        sock.bind((f"127.0.0.{2 + index // 10_000}", 0))
        sock.connect(("127.0.0.1", PORTS[name]))
        sock.sendall(HANDSHAKE)
        read_until(sock, b"\r\n\r\n")
        if name == "Wavecast":
            command = b'{"type":"subscribe","channel":"bench"}'
            sock.sendall(bytes([0x81, 0x80 | len(command)]) + bytes(4) + command)
            read_until(sock, b"}")
        sock.setblocking(False)
        poll.register(sock.fileno(), select.EPOLLIN)
        sockets[sock.fileno()] = sock
    return poll, sockets


def measure(name, pid, count, waiting, size, rounds):
    poll, sockets = subscribers(name, count)
    control = socket.create_connection(("127.0.0.1", PORTS[name]))
    control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = publish_request(name, waiting, size)
    expected = count * waiting * (size + (2 if size < 126 else 4))

    def one_round():
        control.sendall(request)
        received, deadline = 0, time.monotonic() + 20
        while received < expected:
            if time.monotonic() > deadline:
                sys.exit(f"{name}: {received} of {expected} bytes")
            for descriptor, _ in poll.poll(1):
                received += len(sockets[descriptor].recv(1 << 18))
        assert received == expected, (received, expected)
        control.recv(1 << 20)

    for _ in range(5):
        one_round()
    before = cpu_seconds(pid)
    for _ in range(rounds):
        one_round()
    return (cpu_seconds(pid) - before) / (rounds * count * waiting) * 1e6


def main():
    if sys.argv[1:] == ["--serve"]:
        return serve_uwebsockets()
    flags = ["--listen", f"127.0.0.1:{PORTS['Wavecast']}", "--ping-interval", "10h", "--pong-timeout", "20h"]
    # The same event is published repeatedly.
    flags += ["--publish-window", "0s"]
    servers = {
        "uWebSockets": subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.DEVNULL),
        "Wavecast": subprocess.Popen([TARGET / "release" / "wavecast", *flags], stdout=subprocess.DEVNULL),
    }
    try:
        time.sleep(2)
        print("| subscribers | message | waiting | uWebSockets, µs | Wavecast, µs |\n|---|---|---|---|---|")
        for count, waiting, size, rounds in CASES:
            figures = {name: [] for name in servers}
            for _ in range(RUNS):
                for name, server in servers.items():
                    figures[name].append(measure(name, server.pid, count, waiting, size, rounds))
            medians = [f"{sorted(figures[name])[RUNS // 2]:.2f}" for name in servers]
            print(f"| {count} | {size} B | {waiting} | {' | '.join(medians)} |", flush=True)
    finally:
        for server in servers.values():
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
