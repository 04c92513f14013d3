"""The command: installs what is missing, runs the checks, prints what holds."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from ports import ReservedPort

from . import client
from .addresses import TCP_CHECKS, Tcp
from .checks import NGINX_CHANGES, checks_of
from .processes import PING, Caddy, Certificate, Edge, Nginx, version
from .unit import CHECKS as UNIT_CHECKS

ROOT = Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("SERVER_BIN") or str(Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "wavecast")
PROXIES = {"nginx": Nginx, "caddy": Caddy}
# The programs that the checks need, and their packages.
FOR_PROXIES = {"curl": "curl", "openssl": "openssl"}
NEEDED = {
    "nginx": {"nginx": "nginx", **FOR_PROXIES},
    "caddy": {"caddy": "caddy", **FOR_PROXIES},
    "haproxy": {"haproxy": "haproxy", "openssl": "openssl"},
    "unit": {"systemd-analyze": "systemd"},
}


class Surroundings:
    """What a check works with: the server, and one proxy in front of it."""

    def __init__(self, proxy, certificate, folder):
        self.binary, self.folder = BINARY, folder
        self.certificate, self.trust = certificate, certificate.chain
        self.reserved = ReservedPort()
        self.port = self.reserved.number
        # What comes through a proxy needs a key.
        made = subprocess.run([BINARY, "key", "new", "--id", "backend", "--scope", "admin"], capture_output=True, text=True, check=True)
        key, lines = made.stdout.split("\n", 1)
        client.use_key(key)
        self.config = Path(folder) / "keys.toml"
        self.config.write_text(lines)
        self.edge = Edge(BINARY, folder, self.port, "--ping-interval", PING, "--config", str(self.config))
        try:
            changes = (NGINX_CHANGES,) if proxy is Nginx else ()
            self.proxy = proxy(folder, certificate, self.port, *changes)
        except BaseException:
            self.edge.stop()
            raise

    def stop(self):
        self.proxy.stop()
        self.edge.stop()
        self.reserved.release()


def install(names):
    """Installs the missing programs on Debian and Ubuntu, without starting any service."""
    needed = {program: package for name in names for program, package in NEEDED[name].items()}
    missing = [package for program, package in needed.items() if not shutil.which(program)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        sys.exit(f"proxies: please install {', '.join(missing)} (this machine has no apt)")
    as_root = [] if os.getuid() == 0 else ["sudo", "-E"]
    # In this run level, invoke-rc.d starts nothing.
    env = {**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"}
    apt = [*as_root, "apt-get", "-y", "-qq"]
    print(f"installing {' '.join(missing)}", flush=True)
    command = [*apt, "install", "--no-install-recommends", *missing]
    if subprocess.run(command, env=env, capture_output=True, check=False).returncode != 0:
        subprocess.run([*apt, "update"], env=env, capture_output=True, check=True)
        subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)


def run_checks(checks, at):
    """Runs the checks; returns how many passed and failed."""
    passed = failed = 0
    for check in checks:
        problem = None
        try:
            check(at)
        except Exception as error:  # noqa: BLE001 (a check that fails in any way has failed)
            problem = f"{type(error).__name__}: {error}"
        passed, failed = passed + (problem is None), failed + (problem is not None)
        print(f"  {'FAIL' if problem else 'ok  '} {check.__doc__.splitlines()[0]}", flush=True)
        if problem:
            print(f"       {problem}", file=sys.stderr)
    return passed, failed


def run(name, folder):
    """Runs all checks of a proxy or of the unit; returns how many passed and failed."""
    programs = {"nginx": ["nginx", "-v"], "caddy": ["caddy", "version"], "haproxy": ["haproxy", "-v"],
                "unit": ["systemd-analyze", "--version"]}
    print(f"{name}: {programs[name][0]} {version(programs[name])}")
    if name == "unit":
        return run_checks(UNIT_CHECKS, folder)
    if name == "haproxy":
        checks, at = TCP_CHECKS, Tcp(BINARY, folder)
    else:
        proxy = PROXIES[name]
        checks, at = checks_of(proxy), Surroundings(proxy, Certificate(folder), folder)
    try:
        passed, failed = run_checks(checks, at)
    finally:
        at.stop()
    if failed:
        for log in (at.proxy.log, at.edge.log):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}", file=sys.stderr)
    return passed, failed


def main(usage):
    names = sys.argv[1:] or list(NEEDED)
    if any(name not in NEEDED for name in names):
        print(usage)
        return 0 if {"-h", "--help"} & set(names) else 2
    # So that what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if names != ["unit"] and not Path(BINARY).is_file():
        sys.exit(f"proxies: {BINARY} does not exist; run cargo build --release")
    os.environ["PATH"] += ":/usr/sbin"
    install(names)
    passed = failed = 0
    for name in names:
        with tempfile.TemporaryDirectory(prefix="proxies-") as folder:
            counts = run(name, Path(folder))
            passed, failed = passed + counts[0], failed + counts[1]
    print(f"proxies: {passed} passed, {failed} failed")
    return 1 if failed else 0
