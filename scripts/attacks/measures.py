"""Waits, their summary, and how much of them is the machine's."""

import asyncio
import time


class Waits:
    """Durations, in seconds."""

    def __init__(self):
        self._waits = []

    def add(self, seconds):
        self._waits.append(seconds)

    def summary(self):
        """Count, and median, p99 and maximum in milliseconds."""
        waits = sorted(self._waits)
        if not waits:
            return {"count": 0, "p50": 0.0, "p99": 0.0, "max": 0.0}
        return {"count": len(waits), "p50": _at(waits, 0.5), "p99": _at(waits, 0.99), "max": _at(waits, 1)}


class Lateness:
    """How late a process that sleeps wakes up: what the machine alone adds to its measures."""

    def __init__(self):
        self.worst_ms = 0.0

    async def every(self, interval, stop):
        """Yields once per interval until `stop` is set. Missed intervals are not made up for."""
        while not stop.is_set():
            yield
            due = time.monotonic() + interval
            await asyncio.sleep(interval)
            self.worst_ms = max(self.worst_ms, round((time.monotonic() - due) * 1000, 1))


def _at(waits, share):
    return round(waits[min(len(waits) - 1, int(len(waits) * share))] * 1000, 1)
