#!/usr/bin/env python3
"""Runs the curl examples of the README against a real server.

Conventions for writing examples:

    <!-- examples:start -->
    ...fenced blocks, with any text between them...
    <!-- examples:end -->

- Only blocks between these markers are run. There may be several pairs of markers.
- A ```sh block that contains `curl` is run as one script.
- The server listens on a free port, which takes the place of 127.0.0.1:3000 in the examples.
- A ```console block is a transcript: lines that start with `$ ` are commands (a line
  that ends in a backslash or inside a quote continues on the next), and the other
  lines are their output. Commands that contain `curl` are run.
- Output that is a JSON object is compared with the actual output: every top-level key
  must be present. Values may differ, because ids and times change.
- Output that is not JSON is compared line by line; `…` matches anything.
- ```sh ignore and ```console ignore blocks are skipped (endless streams, made-up ids).
- Every example must exit with 0, and every HTTP status must be below 400.

usage: scripts/readme_examples.py [FILE ...]      (default: README.md)

    SERVER_BIN     the server binary (default: target/release/wavecast)
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = os.environ.get("SERVER_BIN") or str(
    Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "wavecast"
)
DOCUMENTED = "127.0.0.1:3000"
ANNOUNCED = re.compile(r"http://(127\.0\.0\.1:\d+)")
START_S, EXAMPLE_S, STOP_S = 10, 30, 15

SECTION = re.compile(r"<!-- examples:start -->(.*?)<!-- examples:end -->", re.S)
FENCE = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```\s*$", re.S | re.M)


def stop_with(message):
    sys.exit(f"readme: {message}")


def complete(command):
    """Whether bash accepts this as a complete command (no open quote, no trailing backslash)."""
    if command.rstrip(" ").endswith("\\"):
        return False
    return subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False).returncode == 0


def transcript(text):
    """Splits a console block into (command, expected output) pairs."""
    pairs, lines = [], text.splitlines()
    while lines:
        line = lines.pop(0)
        if line.startswith("$ "):
            command = line[2:]
            while not complete(command) and lines:
                command += "\n" + lines.pop(0).removeprefix("> ")
            pairs.append([command, []])
        elif pairs:
            pairs[-1][1].append(line)
    return [(command, "\n".join(output).strip()) for command, output in pairs]


def examples(path):
    """(line number, command, expected output or None) of every runnable example."""
    text = path.read_text(encoding="utf-8")
    if text.count("<!-- examples:start -->") != text.count("<!-- examples:end -->"):
        stop_with(f"{path.name}: an examples marker is unpaired")
    found = []
    for section in SECTION.finditer(text):
        for fence in FENCE.finditer(text, section.start(1), section.end(1)):
            language, flags, body = fence.groups()
            line = text.count("\n", 0, fence.start()) + 1
            if "ignore" in flags.split() or "curl" not in body:
                continue
            if language == "sh":
                found.append((line, body, None))
            elif language == "console":
                found += [(line, c, out) for c, out in transcript(body) if "curl" in c]
    return found


def compare(expected, actual):
    """How the output differs, or None."""
    if not expected:
        return None
    try:
        want = json.loads(expected)
    except ValueError:
        lines, pattern = actual.strip().splitlines(), expected.splitlines()
        same = len(lines) == len(pattern) and all(
            re.fullmatch(".*".join(map(re.escape, p.split("…"))), l) for p, l in zip(pattern, lines)
        )
        return None if same else f"the output is not as written:\n{actual.strip()}"
    try:
        got = json.loads(actual)
    except ValueError:
        return f"the output is not JSON:\n{actual.strip()}"
    if type(got) is not type(want):
        return f"the output is another kind of JSON:\n{actual.strip()}"
    missing = [key for key in want if key not in got] if isinstance(want, dict) else []
    return f"no {', '.join(missing)} in the output:\n{actual.strip()}" if missing else None


def run(command, expected, env):
    """What is wrong with this example, or None."""
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            capture_output=True, text=True, timeout=EXAMPLE_S, env=env, check=False,
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {EXAMPLE_S} s"
    if done.returncode != 0:
        return f"exit status {done.returncode}\n{done.stdout.strip()}\n{done.stderr.strip()}"
    return compare(expected, done.stdout) if expected is not None else None


def start():
    """Starts the server. Returns it and its address, once it listens."""
    if not Path(BINARY).is_file():
        stop_with(f"{BINARY} does not exist; run cargo build --release")
    server = subprocess.Popen(
        [BINARY, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        text=True,
        env={"WAVECAST_LOG": "warn", **os.environ},
    )
    # It announces its address when it listens, and ends if it cannot.
    announced = []
    reader = threading.Thread(target=lambda: announced.append(server.stdout.readline()), daemon=True)
    reader.start()
    reader.join(START_S)
    address = ANNOUNCED.search("".join(announced))
    if not address:
        stop(server)
        stop_with(f"the server did not listen within {START_S} s, or ended")
    return server, address.group(1)


def stop(server):
    server.terminate()
    try:
        server.wait(STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    paths = [Path(name) for name in sys.argv[1:]] or [ROOT / "README.md"]
    for path in paths:
        if not path.is_file():
            stop_with(f"{path} does not exist")
    found = [(path, *example) for path in paths for example in examples(path)]
    if not found:
        stop_with(f"no runnable example in {', '.join(p.name for p in paths)}; see the top of this script")

    failed = 0
    with tempfile.TemporaryDirectory() as home:
        # curl reads this file itself, so the examples need no extra flags.
        Path(home, ".curlrc").write_text("fail-with-body\nsilent\nshow-error\nmax-time = 20\n", encoding="utf-8")
        env = {**os.environ, "CURL_HOME": home, "no_proxy": "*", "NO_PROXY": "*"}
        server, address = start()
        try:
            for path, line, command, expected in found:
                here = lambda text: text and text.replace(DOCUMENTED, address)
                problem = run(here(command), here(expected), env)
                failed += problem is not None
                print(f"{'FAIL' if problem else 'ok':4} {path.name}:{line}: {command.splitlines()[0]}")
                if problem:
                    print("     " + problem.replace("\n", "\n     "), file=sys.stderr)
        finally:
            stop(server)
    print(f"readme: {len(found) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
