"""The command line."""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from attacks import table
from attacks.attack import ATTACKS
from attacks.catalog import load
from attacks.limits import Limits
from attacks.trial import measure

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
HELP_S = 10


def main(about):
    load()
    arguments = _arguments(about)
    if arguments.list:
        for attack in ATTACKS.values():
            print(f"{attack.name:<12} {attack.title}")
        return 0
    unknown = [name for name in arguments.names if name not in ATTACKS]
    if unknown:
        sys.exit(f"attacks: unknown attack {unknown[0]!r}; --list shows them")
    known = subprocess.run([arguments.server, "--help"], capture_output=True, text=True, timeout=HELP_S, check=True)
    limits = Limits(set(re.findall(r"--([a-z-]+)", known.stdout)), arguments.totals)
    rows = []
    for name in arguments.names or ATTACKS:
        attack = ATTACKS[name]
        print(f"{name}: {attack.title} ...", file=sys.stderr, flush=True)
        row = measure(attack, arguments.server, limits.flags, arguments.settle)
        row["broken"] = limits.broken(row, attack.unjudged)
        rows.append(row)
        verdict = ", ".join(row["broken"]) or "ok"
        print(f"    {verdict} ({row['seconds']} s). {table.details(row)}", file=sys.stderr, flush=True)
        print(f"    {table.figures(row)}", file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps({"memory_limit": limits.memory, "flags": limits.flags, "attacks": rows}, indent=1))
    else:
        print(table.markdown(rows, limits, arguments.settle))
    return 1 if any(row["broken"] for row in rows) else 0


def _arguments(about):
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    server = os.environ.get("SERVER_BIN") or str(TARGET / "release" / "wavecast")
    parser.add_argument("names", nargs="*", metavar="NAME", help="attacks to run (default: all)")
    parser.add_argument("--server", default=server, metavar="PATH", help="the server binary")
    parser.add_argument("--totals", metavar="SIZE", help="set each of the server's totals that has a flag to this size")
    parser.add_argument("--settle", type=float, default=15, metavar="SECONDS", help="wait after an attack (default: 15)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--list", action="store_true", help="list the attacks")
    return parser.parse_args()
