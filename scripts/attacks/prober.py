"""A health check as an orchestrator makes it: a new connection each time."""

import asyncio
import time
from collections import Counter

from attacks import wire
from attacks.measures import Lateness, Waits

INTERVAL_S, PATIENCE_S = 0.1, 5


def watch(target, stop):
    """Runs until `stop` is set, and returns what was answered."""
    return asyncio.run(_watch(target, stop))


async def _watch(target, stop):
    waits, late, statuses, probes = Waits(), Lateness(), Counter(), set()
    async for _ in late.every(INTERVAL_S, stop):
        probes = {probe for probe in probes if not probe.done()}
        probes.add(asyncio.ensure_future(_probe(target, waits, statuses)))
    await asyncio.gather(*probes)
    return {"waits": waits.summary(), "late_ms": late.worst_ms, "statuses": dict(statuses)}


async def _probe(target, waits, statuses):
    started = time.monotonic()
    try:
        status = await asyncio.wait_for(_ask(target), PATIENCE_S)
    except asyncio.TimeoutError:
        status = "none"
    except (OSError, EOFError):
        status = "reset"
    waits.add(time.monotonic() - started)
    statuses[status] += 1


async def _ask(target):
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(wire.request("GET", "/healthz", headers=("Connection: close",)))
    try:
        line = await reader.readline()
        return line.split()[1].decode() if line else "closed"
    finally:
        writer.close()
