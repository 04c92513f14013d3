"""The table of a run."""

MIB = 1 << 20
HEAD = ["attack", "MiB idle", "peak", "after", "pong p99", "max", "refused", "lost", "/healthz p99", "max", "late", "result"]

LEGEND = """
MiB: resident memory of the server: before the attack, its peak, and {settle:g} s after. Limits: {memory} MiB above idle at the
  peak, 64 MiB above idle after it.
pong: how long the neighbour waits for the answer to its ping, in ms. At most 250.
refused: events that the neighbour's backend could not publish; it tries one every 100 ms. No limit.
lost: events that the neighbour did not receive. Limit: 0, and it must be able to resume from its position before the attack.
/healthz: how long the prober waits for 200, in ms. 99 of 100 at most 50, all at most 250.
late: how late the watchers woke up at worst, in ms; the machine's own share of the latencies."""


def cells(row):
    neighbour, health = row["neighbour"], row["health"]
    pongs = neighbour["pongs"] if neighbour else {"p99": 0, "max": 0}
    waits = health["waits"] if health else {"p99": 0, "max": 0}
    late = max(part["late_ms"] if part else 0 for part in (neighbour, health))
    return [
        f"{row['name']} {row['title']}",
        *(f"{row[when] / MIB:.0f}" for when in ("idle", "peak", "after")),
        f"{pongs['p99']:.0f}",
        f"{pongs['max']:.0f}",
        f"{neighbour['refused']}" if neighbour else "?",
        f"{neighbour['lost']}" if neighbour else "?",
        f"{waits['p99']:.0f}",
        f"{waits['max']:.0f}",
        f"{late:.0f}",
        ", ".join(row["broken"]) or "ok",
    ]


def figures(row):
    """The main figures in one line, for who does not wait for the table."""
    idle, peak, after, pong_p99, pong, _, _, health_p99, health, late = cells(row)[1:-1]
    return (
        f"{idle} MiB, peak {peak}, after {after}; pong p99 {pong_p99} ms, longest {pong}; "
        f"/healthz {health_p99}, {health}; watchers {late} late"
    )


def details(row):
    """What the table has no column for."""
    parts = [row["note"]] if row["note"] else []
    neighbour, health = row["neighbour"], row["health"]
    if neighbour and neighbour["closed"] is not None:
        parts.append(f"the neighbour was closed with {neighbour['closed']}")
    if neighbour and neighbour["refused"]:
        refused, total = neighbour["refused"], neighbour["refused"] + neighbour["published"]
        parts.append(f"{refused} of the neighbour's {total} events were refused")
    if health and set(health["statuses"]) != {"200"}:
        parts.append("health " + ", ".join(f"{status}: {n}" for status, n in health["statuses"].items()))
    if row["recovery"]:
        parts.append(f"recovery: {row['recovery']}")
    if row["harm"] and row["harm"] != row["note"]:
        parts.append(row["harm"])
    if "cpu after" in row["broken"]:
        parts.append(f"{row['cpu_after']} % CPU afterwards")
    if "sockets after" in row["broken"]:
        parts.append(f"{row['descriptors_after'] - row['descriptors_idle']} descriptors more afterwards")
    if row["exit_code"] is not None:
        parts.append(f"the server ended with {row['exit_code']}")
    return "; ".join(parts)


def markdown(rows, limits, settle):
    """A table for a terminal that is also one in Markdown."""
    lines = [HEAD, *(cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    rule = ["-" * width if _is_text(i) else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    padded = [[_pad(text, i, widths[i]) for i, text in enumerate(line)] for line in lines]
    text = "\n".join("| " + " | ".join(line) + " |" for line in [padded[0], rule, *padded[1:]])
    return text + "\n" + LEGEND.format(memory=limits.memory // MIB, settle=settle)


def _is_text(column):
    return column in (0, len(HEAD) - 1)


def _pad(text, column, width):
    return text.ljust(width) if _is_text(column) else text.rjust(width)
