#!/usr/bin/env python3
"""Runs attacks against a release server beside a healthy neighbour, and prints one table.

Each attack gets a server of its own, on a free port of the loopback interface, with default settings and
the flags that the attack names. Beside it run, in processes of their own:

- the attacker, at a lower priority, so that it does not blur what the others measure;
- a neighbour: a WebSocket that pings every 100 ms and subscribes to a channel fed ten times per second;
- a prober that asks for /healthz every 100 ms, each time on a new connection.

usage: scripts/attacks.py [--server PATH] [--totals SIZE] [--settle SECONDS] [--json] [NAME ...]
       scripts/attacks.py --list

    scripts/attacks.py                   all attacks, about 35 minutes
    scripts/attacks.py A2 A4             only these
    scripts/attacks.py --totals 64MiB    sets every total that has a flag to this size

Exits with 1 if an attack went over a limit. Latencies depend on the machine: `late` is how late the
watchers themselves woke up. A latency that is not well above it says nothing about the server.
The columns are explained below the table. Needs Linux, Python 3.8 and 20,000 file descriptors.

    SERVER_BIN     the server binary (default: target/release/wavecast)
"""

import sys

from attacks.command import main

if __name__ == "__main__":
    sys.exit(main(__doc__))
