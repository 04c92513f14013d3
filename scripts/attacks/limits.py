"""What an attack may cost: memory, and what others notice."""

import re

MIB = 1 << 20
PONG_MAX_MS, HEALTH_P99_MS, HEALTH_MAX_MS = 250, 50, 250
LEFT_BYTES = 64 * MIB
# Sockets that the server still holds when it is measured again, above what it held before.
LEFT_DESCRIPTORS = 8
LEFT_CPU_PERCENT = 5
# The totals that have a flag, with their defaults. To these is added an allowance for everything else:
# totals without a flag (unread lists), connections, code, fragmentation.
TOTALS = {
    "bodies-total": 64 * MIB,
    "messages-total": 64 * MIB,
    "outbox-total": 128 * MIB,
    "replies-total": 32 * MIB,
    "history-total": 256 * MIB,
}
# About what a channel takes that exists because a client is in it.
TOPIC_BYTES = 512
BESIDE, BESIDE_SMALL_TOTALS = 96 * MIB, 64 * MIB


def parse_size(text):
    found = re.fullmatch(r"(\d+)\s*(Mi?B|Gi?B)?", text)
    if not found:
        raise SystemExit(f"attacks: {text!r} is not a size such as 64MiB")
    return int(found[1]) * {None: 1, "M": MIB, "G": 1 << 30}[found[2] and found[2][0]]


class Limits:
    """The limits of a run. The default of `outbox-total` depends on the machine's memory, so it is given
    its minimum, if the binary has it."""

    def __init__(self, known_flags, totals=None):
        size = parse_size(totals) if totals else None
        self.flags = []
        for flag, default in TOTALS.items():
            if flag in known_flags and (size or flag == "outbox-total"):
                self.flags += [f"--{flag}", f"{size or default}"]
        if size and "max-topics" in known_flags:
            self.flags += ["--max-topics", f"{size // TOPIC_BYTES}"]
        # 640 MiB by default; 384 MiB with all five totals of 64 MiB.
        given = size is not None
        totals = [size if given and flag in known_flags else default for flag, default in TOTALS.items()]
        self.memory = sum(totals) + (BESIDE_SMALL_TOTALS if given else BESIDE)

    def broken(self, row, unjudged):
        """Which limits a measured row is over."""
        neighbour, health = row["neighbour"], row["health"]
        checks = [
            ("alive", row["exit_code"] is not None),
            ("memory", row["peak"] - row["idle"] > self.memory),
            ("memory after", row["after"] - row["idle"] > LEFT_BYTES),
            ("sockets after", row["descriptors_after"] - row["descriptors_idle"] > LEFT_DESCRIPTORS),
            ("cpu after", row["cpu_after"] > LEFT_CPU_PERCENT),
            ("neighbour closed", neighbour and neighbour["closed"] is not None),
            ("events lost", neighbour and neighbour["lost"] > 0),
            ("pong", neighbour and neighbour["pongs"]["max"] > PONG_MAX_MS),
            ("health", health and set(health["statuses"]) != {"200"}),
            ("health late", health and _is_late(health["waits"])),
            ("recovery", row["recovery"] is not None),
            ("attack", row["harm"] is not None),
        ]
        return [name for name, is_broken in checks if is_broken and name not in unjudged]


def _is_late(waits):
    return waits["p99"] > HEALTH_P99_MS or waits["max"] > HEALTH_MAX_MS
