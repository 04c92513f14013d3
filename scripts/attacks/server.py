"""A server process, and what it uses."""

import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

START_S, STOP_S = 10, 10
# The neighbour's channel keeps enough to be resumed after any attack.
RULES = '[[channels]]\npattern = "neighbour"\nhistory = { messages = 10000, bytes = "4MiB", age = "1h" }\n'


class Target:
    """Where an attacker connects to. `pid` is the server's."""

    def __init__(self, port, pid):
        self.port = port
        self.pid = pid


class Server:
    """A server on a free port."""

    def __init__(self, binary, flags):
        self.folder = tempfile.TemporaryDirectory(prefix="attacks-")
        rules = Path(self.folder.name) / "rules.toml"
        rules.write_text(RULES)
        self.log = Path(self.folder.name) / "log"
        command = [binary, "--listen", "127.0.0.1:0", "--config", str(rules), *flags]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.target = Target(self._port(), self.process.pid)

    def _port(self):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"127\.0\.0\.1:(\d+)", self.log.read_text(errors="replace"))
            if found:
                return int(found[1])
            time.sleep(0.02)
        text = self.log.read_text(errors="replace")
        self.stop()
        raise SystemExit(f"attacks: the server did not start:\n{text}")

    def exit_code(self):
        """None while the server runs."""
        return self.process.poll()

    def resident(self):
        """Bytes of resident memory; 0 if the process has ended."""
        try:
            found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        except OSError:
            return 0
        return int(found[1]) * 1024 if found else 0

    def descriptors(self):
        try:
            return len(os.listdir(f"/proc/{self.process.pid}/fd"))
        except OSError:
            return 0

    def cpu_seconds(self):
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        """Ends this process and no other. It may be stopped by an attack, so it is continued first."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(STOP_S)
        self.folder.cleanup()
