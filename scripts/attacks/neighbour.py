"""The healthy neighbour: what the server's other clients notice of an attack."""

import asyncio
import json
import time

from attacks import wire
from attacks.measures import Lateness, Waits

INTERVAL_S = 0.1
CONNECT_S = 10
# A ping or an event without an answer is waited for this long at the end.
PATIENCE_S = 5
CHANNEL = "neighbour"


def watch(target, stop):
    """Runs until `stop` is set, and returns what it noticed."""
    return asyncio.run(asyncio.wait_for(_Neighbour(target).watch(stop), 600))


def resume(target, since):
    """Whether a new client can recover everything since a position: None, or why not."""
    return asyncio.run(asyncio.wait_for(_resume(target, since), 30))


async def _websocket(target):
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(wire.upgrade())
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), CONNECT_S)
    return reader, writer


class _Neighbour:
    def __init__(self, target):
        self.target = target
        self.pongs, self.publishing, self.late = Waits(), Waits(), Lateness()
        self.unanswered = {}
        self.position = None
        self.offset = 0
        self.published, self.refused, self.lost = 0, 0, 0
        self.closed = None
        self.subscribed = asyncio.Event()

    async def watch(self, stop):
        reader, self.writer = await _websocket(self.target)
        command = {"type": "subscribe", "channel": CHANNEL, "positions": True}
        self.writer.write(wire.command(command))
        reading = asyncio.ensure_future(self._read(reader))
        await asyncio.wait_for(self.subscribed.wait(), CONNECT_S)
        loops = [asyncio.ensure_future(loop(stop)) for loop in (self._ping, self._feed)]
        await asyncio.gather(*loops)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and self.closed is None and self._is_owed():
            await asyncio.sleep(INTERVAL_S)
        for sent in self.unanswered.values():
            self.pongs.add(time.monotonic() - sent)
        reading.cancel()
        self.lost += max(0, self.published - self.offset)
        return {
            "pongs": self.pongs.summary(),
            "publishing": self.publishing.summary(),
            "late_ms": self.late.worst_ms,
            "published": self.published,
            "refused": self.refused,
            "lost": self.lost,
            "closed": self.closed,
            "position": self.position,
        }

    def _is_owed(self):
        return self.unanswered or self.offset < self.published

    async def _ping(self, stop):
        number = 0
        async for _ in self.late.every(INTERVAL_S, stop):
            if self.closed is not None:
                return
            number += 1
            self.unanswered[number] = time.monotonic()
            self.writer.write(wire.command({"type": "ping", "id": number}))

    async def _feed(self, stop):
        body = {"channel": CHANNEL, "data": {"from": "the neighbour's backend"}}
        connection = None
        async for _ in self.late.every(INTERVAL_S, stop):
            started = time.monotonic()
            try:
                if connection is None:
                    opening = asyncio.open_connection("127.0.0.1", self.target.port)
                    connection = await asyncio.wait_for(opening, CONNECT_S)
                reader, writer = connection
                writer.write(wire.request("POST", "/api/events", body))
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), CONNECT_S)
                fields = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n")[1:-2])
                await asyncio.wait_for(reader.readexactly(int(fields["content-length"])), CONNECT_S)
                is_published = b" 200 " in head[:20]
                if fields.get("connection") == "close":
                    connection = None
            except (OSError, EOFError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                is_published, connection = False, None
            self.publishing.add(time.monotonic() - started)
            self.published += is_published
            self.refused += not is_published

    async def _read(self, reader):
        frames = wire.Frames()
        try:
            while True:
                received = await reader.read(65536)
                for opcode, payload in frames.feed(received):
                    self._frame(opcode, payload)
                if not received:
                    break
        except OSError:
            pass
        self.closed = self.closed or 1006

    def _frame(self, opcode, payload):
        if opcode == wire.PING:
            self.writer.write(wire.frame(wire.PONG, payload))
        elif opcode == wire.CLOSE:
            self.closed = wire.close_code(payload)
        elif opcode == wire.TEXT:
            message = json.loads(payload)
            if message["type"] == "pong":
                self.pongs.add(time.monotonic() - self.unanswered.pop(message["id"]))
            elif message["type"] == "subscribed":
                self.position = {"offset": message["offset"], "epoch": message["epoch"]}
                self.subscribed.set()
            elif message["type"] == "event" and message["channel"] == CHANNEL:
                self.lost += message["offset"] - self.offset - 1
                self.offset = message["offset"]


async def _resume(target, since):
    reader, writer = await _websocket(target)
    writer.write(wire.command({"type": "subscribe", "channel": CHANNEL, "since": since}))
    frames, reply, offset = wire.Frames(), None, since["offset"]
    while True:
        received = await asyncio.wait_for(reader.read(65536), CONNECT_S)
        if not received:
            return "the connection ended"
        for opcode, payload in frames.feed(received):
            message = json.loads(payload) if opcode == wire.TEXT else {}
            if message.get("type") == "subscribed":
                reply = message
            elif message.get("type") == "event":
                if message["offset"] != offset + 1:
                    return f"offset {message['offset']} after {offset}"
                offset = message["offset"]
        if reply and not reply["recovered"]:
            return reply["reason"]
        if reply and offset == reply["offset"]:
            writer.close()
            return None
