#!/usr/bin/env python3
"""Runs the examples of the README and of docs/AUTH.md against real servers, and compares what they print with what is written.

Every ```console and ```sh block is run, in order, by bash, in a copy of the project's files. The server listens on a
free port, which takes the place of 127.0.0.1:3000.

- A ```console block is a transcript: lines that begin with `$ ` are commands (one that ends in a backslash or inside a
  quote continues on the next line), the others are all that they print. The text must be the same, except for the values
  in `KINDS`. Of those, an id that occurs several times in the README must do so in reality, and a command that contains
  one is run with the real one.
- Every command must exit with 0, and every HTTP status must be below 400.

More words in a block's first line:

    console server        the command is the server; it runs until the end
    console background    a client, which runs until the text says Ctrl-C, or the next heading. The blocks after it are
                          run once it has printed `subscribed`; its output is compared at its end
    html shows TEXT       a browser opens the page, and has to show TEXT
    toml save FILE        the commands after it find this file
    python|js|go|rust PATH    is the same as that file
    ... slow              is run only with --slow
    ... ignore REASON     is not run

It installs what is missing with apt: curl, Node, Go and Chromium.

usage: scripts/readme_examples.py [--slow] [FILE...]      (default: README.md docs/AUTH.md)

    SERVER_BIN     the server binary (default: target/release/wavecast)
    CHROMIUM       the browser
"""

import difflib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = os.environ.get("SERVER_BIN") or str(
    Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "wavecast"
)
DOCUMENTED = "127.0.0.1:3000"
COMMAND_S, INSTALL_S, START_S, OUTPUT_S, STOP_S = 30, 1200, 120, 15, 15

# What differs from run to run: a pattern, and whether equal ones in the README have to be equal in reality.
KINDS = {
    "event id": (r"evt_[0-9a-f]{32}", True),
    "connection id": (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", True),
    "time": (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", True),
    "epoch": (r'(?<="epoch":")[\w-]+', True),
    "stream position": (r"(?<=\bid: )[\w~-]+\.[\w.~-]+|(?<=Last-Event-ID: )[\w~-]+\.[\w.~-]+", True),
    "milliseconds": (r"(?<=^retry: )\d+", False),
    "Unix time": (r"(?<=\"iat\":|\"exp\":)\d{10}", False),
    "client port": (r"(?<=\"127\.0\.0\.1:)\d+", False),
}
ANY_KIND = re.compile("|".join(f"({pattern})" for pattern, _ in KINDS.values()), re.M)
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```\s*$|^#+ |Ctrl-C", re.S | re.M)
APT = {"curl": ["curl", "ca-certificates"], "node": ["nodejs"], "npm": ["npm"], "go": ["golang-go"], "chromium": ["chromium"]}


class Problem(Exception):
    """Why an example does not hold."""


def stop_with(message):
    sys.exit(f"readme: {message}")


def install(tool):
    if shutil.which(tool):
        return
    if not shutil.which("apt-get"):
        stop_with(f"please install {tool} (this machine has no apt)")
    print(f"installing {tool}", flush=True)
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    command = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    packages = ["install", "-y", "--no-install-recommends", *APT[tool]]
    for arguments in (packages, ["update"], packages):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=INSTALL_S, check=False)
        if shutil.which(tool):
            return
    stop_with(f"apt could not install {tool}\n{done.stderr}")


def install_node():
    install("node")
    install("npm")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < 20:
        stop_with(f"node 20 or newer is needed, this is {version}")


# --- what the README says ----------------------------------------------------------------------


def is_complete(command):
    """Whether bash accepts this as a complete command (no open quote, no trailing backslash)."""
    if command.rstrip(" ").endswith("\\"):
        return False
    return subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False).returncode == 0


def transcript(text):
    """Splits a console block into (command, expected output) pairs."""
    pairs, lines = [], text.splitlines(True)
    while lines:
        line = lines.pop(0)
        if line.startswith("$ "):
            command = line[2:]
            while not is_complete(command) and lines:
                command += lines.pop(0)
            pairs.append([command, ""])
        elif pairs:
            pairs[-1][1] += line
        else:
            raise Problem(f"the block does not begin with a command: {line}")
    return pairs


def compare(expected, actual, known):
    """Raises a problem where the outputs differ. `known` maps values in the README to real ones, for both outputs."""
    masked, values = [], []
    for text in (expected, actual):
        found = []

        def mask(match, found=found):
            kind = list(KINDS)[match.lastindex - 1]
            found.append((kind, match.group()))
            return f"<{kind}>"

        masked.append(ANY_KIND.sub(mask, text.strip("\n")).splitlines())
        values.append(found)
    if masked[0] != masked[1]:
        raise Problem("\n".join(difflib.unified_diff(*masked, "as written", "as printed", lineterm="", n=1)))
    for (kind, written), (_, real) in zip(*values):
        if KINDS[kind][1] and known.setdefault(written, real) != real:
            raise Problem(f"{kind} {written} was {known[written]} before, and is {real} here")


# --- what is run -------------------------------------------------------------------------------


class Process:
    """A command in a process group of its own, with all that it has printed."""

    def __init__(self, command, folder, env):
        self.output = ""
        self.process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=env, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.output += line

    def wait_until(self, is_there, what, seconds=OUTPUT_S):
        deadline = time.monotonic() + seconds
        while not is_there(self.output):
            if time.monotonic() > deadline or not self.reader.is_alive():
                raise Problem(f"it did not print {what}:\n{self.output}")
            time.sleep(0.01)

    def wait(self, seconds):
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            raise Problem(f"it did not end within {seconds} s\n{self.output}") from None
        self.reader.join(STOP_S)
        if status != 0:
            raise Problem(f"exit status {status}\n{self.output}")

    def stop(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(STOP_S)
                break
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                pass
        self.reader.join(STOP_S)


class Run:
    """One run of a README, in a folder of its own."""

    def __init__(self, readme, folder, slow):
        self.slow = slow
        self.readme, self.text = readme, readme.read_text(encoding="utf-8")
        self.folder, self.home = folder / "wavecast", folder / "home"
        self.address, self.known, self.server, self.background = None, {}, None, []
        self.passed, self.failed, self.ignored = 0, 0, []
        copy_project(self.folder)
        (self.home / "bin").mkdir(parents=True)
        # curl reads this file itself, so the examples need no extra flags.
        (self.home / ".curlrc").write_text("fail-with-body\n", encoding="utf-8")
        (self.home / "bin" / "wavecast").symlink_to(Path(BINARY).resolve())
        # A reader has set no variables.
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("WAVECAST_")}
        self.env.update(CURL_HOME=str(self.home), PATH=f"{self.home / 'bin'}:{os.environ['PATH']}")

    def here(self, text):
        """Text from the README with the addresses and ids of this run."""
        if self.address:
            text = text.replace(DOCUMENTED, self.address)
        for written, real in self.known.items():
            text = text.replace(written, real)
        return text

    def compare(self, expected, output):
        compare(expected, output.replace(self.address or DOCUMENTED, DOCUMENTED), self.known)

    def all(self):
        for block in FENCE.finditer(self.text):
            language, words, body = block.groups()
            line = self.text.count("\n", 0, block.start()) + 1
            if language is None:
                self.end_background()
                continue
            words = words.split()
            if "ignore" in words or "slow" in words and not self.slow:
                self.ignored.append(f"{self.readme.name}:{line} ({' '.join(words).replace('ignore ', '')})")
                continue
            for name, example in self.examples(language, words, body):
                self.judge(f"{line}: {name}", example)
        self.end_background()

    def judge(self, name, example):
        try:
            example()
            problem = None
            self.passed += 1
        except Problem as error:
            problem = str(error).strip()
            self.failed += 1
        print(f"{'FAIL' if problem else 'ok':4} {self.readme.name}:{name}", flush=True)
        if problem:
            print("     " + problem.replace("\n", "\n     "), file=sys.stderr, flush=True)

    def examples(self, language, words, body):
        """(name, function) of each example in a block."""
        if language == "console":
            for command, expected in transcript(body):
                name = command.splitlines()[0]
                if "server" in words:
                    yield name, lambda c=command, e=expected: self.start_server(c, e)
                elif "background" in words:
                    yield name, lambda c=command, e=expected, n=name: self.start_background(c, e, n)
                else:
                    yield name, lambda c=command, e=expected: self.run(c, e)
        elif language == "sh":
            yield body.splitlines()[0], lambda: self.run(body, None)
        elif language == "html":
            yield "page", lambda: self.show(body, " ".join(words[1:]))
        elif words[:1] == ["save"]:
            (self.folder / words[1]).write_text(body, encoding="utf-8")
        elif words:
            yield words[0], lambda: self.is_file(words[0], body)

    def install_for(self, command):
        program = command.split()[0]
        if program in ("node", "npm"):
            install_node()
        elif program in APT:
            install(program)

    def run(self, command, expected):
        self.install_for(command)
        seconds = INSTALL_S if command.split()[0] in ("npm", "cargo", "go") else COMMAND_S
        # From its own folder, cargo finds what it has already built.
        folder = ROOT if "cargo install" in command else self.folder
        env = {**self.env, "CARGO_INSTALL_ROOT": str(self.home / "cargo")}
        process = Process(self.here(command), folder, env)
        process.wait(seconds)
        if expected is not None:
            self.compare(expected, process.output)

    def start_server(self, command, expected):
        variables = {name: value for name, value in os.environ.items() if name.startswith("WAVECAST_")}
        # The page is opened from a file, and the README says what that needs.
        env = {**self.env, **variables, "WAVECAST_LISTEN": "127.0.0.1:0", "WAVECAST_LOG": "off", "WAVECAST_ORIGIN": "null"}
        process = self.server = Process(command, self.folder, env)
        process.wait_until(lambda output: len(output.splitlines()) >= len(expected.rstrip().splitlines()), "its greeting")
        self.address = re.search(r"http://([\d.]+:\d+)", process.output).group(1)
        self.compare(expected, process.output)

    def start_background(self, command, expected, name):
        self.install_for(command)
        process = Process(self.here(command), self.folder, self.env)
        try:
            process.wait_until(lambda output: "subscribed" in output, "`subscribed`", START_S)
        except Problem:
            process.stop()
            raise
        self.background.append((process, expected, name))

    def end_background(self):
        for process, expected, name in self.background:
            self.judge(f"end of {name}", lambda p=process, e=expected: self.ends_as_written(p, e))
        self.background = []
        if self.address:
            self.wait_until_alone()

    def wait_until_alone(self):
        """Until the server has noticed that its clients are gone, so that the next event is not sent to them."""
        deadline = time.monotonic() + STOP_S
        url = f"http://{self.address}/api/stats"
        while json.load(urllib.request.urlopen(url, timeout=STOP_S))["active_connections"] > 0:
            if time.monotonic() > deadline:
                stop_with("the server still has clients")
            time.sleep(0.02)

    def ends_as_written(self, process, expected):
        lines = len(expected.rstrip("\n").splitlines())
        try:
            process.wait_until(lambda output: len(output.rstrip("\n").splitlines()) >= lines, f"{lines} lines")
            # For what should not follow.
            time.sleep(0.2)
        finally:
            process.stop()
        self.compare(expected, process.output)

    def show(self, page, text):
        install_node()
        path = self.folder / "page.html"
        path.write_text(self.here(page), encoding="utf-8")
        browser = os.environ.get("CHROMIUM") or next(filter(shutil.which, ("chromium", "chromium-browser", "google-chrome")), None)
        if not browser:
            install(browser := "chromium")
        tests = self.folder / "tests" / "page"
        if not (tests / "node_modules").is_dir():
            Process("npm ci --no-audit --no-fund --loglevel=error", tests, self.env).wait(INSTALL_S)
        (tests / "show.mjs").write_text(SHOW, encoding="utf-8")
        env = {**self.env, "CHROMIUM": shutil.which(browser) or browser}
        Process(f"node show.mjs '{path.as_uri()}' '{text}'", tests, env).wait(INSTALL_S)
        self.wait_until_alone()

    def is_file(self, name, body):
        path = ROOT / name
        if not path.is_file():
            raise Problem("there is no such file")
        # Before the comparison: later commands run what the README prints.
        (self.folder / name).write_text(self.here(body), encoding="utf-8")
        written, real = body.splitlines(), path.read_text(encoding="utf-8").splitlines()
        if written != real:
            raise Problem("\n".join(difflib.unified_diff(real, written, name, self.readme.name, lineterm="", n=1)))

    def stop(self):
        for process, *_ in self.background:
            process.stop()
        if self.server:
            self.server.stop()


SHOW = """
import { chromium } from 'playwright-core';

const [address, text] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
try {
  const page = await browser.newPage();
  await page.goto(address);
  await page.getByText(text).waitFor({ timeout: 15_000 }).catch(async (error) => {
    throw new Error(`it shows ${JSON.stringify(await page.innerText('body'))}`, { cause: error });
  });
} finally {
  await browser.close();
}
"""


def copy_project(folder):
    """Copies the files that belong to the project, changed or not, so that examples leave nothing behind."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("target", "node_modules", "dist", ".git"))
        return
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def main():
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "*"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    slow, arguments = "--slow" in sys.argv, [argument for argument in sys.argv[1:] if argument != "--slow"]
    documents = [Path(argument) for argument in arguments] or [ROOT / "README.md", ROOT / "docs" / "AUTH.md"]
    for document in documents:
        if not document.is_file():
            stop_with(f"{document} does not exist")
    if not Path(BINARY).is_file():
        stop_with(f"{BINARY} does not exist; run cargo build --release")
    runs = [run_document(document, slow) for document in documents]
    ignored = [name for run in runs for name in run.ignored]
    if ignored:
        print("not run: " + ", ".join(ignored))
    for run in runs:
        if not run.passed:
            stop_with(f"no example in {run.readme.name}; see the top of this script")
    failed = sum(run.failed for run in runs)
    print(f"readme: {sum(run.passed for run in runs)} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def run_document(document, slow):
    with tempfile.TemporaryDirectory(prefix="readme-") as folder:
        run = Run(document, Path(folder), slow)
        try:
            run.all()
        finally:
            run.stop()
    return run


if __name__ == "__main__":
    main()
