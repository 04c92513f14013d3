"""What has to hold for the systemd unit. The name of a check is the first line of its docstring."""

import re
import subprocess

from .processes import DEPLOY, DOCUMENT, replaced, version

UNIT = "wavecast.service"
# The first systemd whose `security` can look at a file.
OFFLINE_SINCE = 250


def analyze(*arguments):
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60)


def copied_into(folder):
    """A copy whose program exists on this machine, for systemd checks that, too."""
    file = folder / UNIT
    file.write_text(replaced((DEPLOY / UNIT).read_text(), {"ExecStart=/usr/local/bin/wavecast ": "ExecStart=/bin/true "}))
    return str(file)


def systemd_accepts_the_unit(folder):
    """systemd finds nothing wrong with the unit"""
    said = analyze("verify", "--man=no", copied_into(folder))
    # Units of the machine that it refers to may have faults of their own.
    faults = [line for line in said.stdout.splitlines() if UNIT in line]
    assert not faults and said.returncode == 0, said.stdout


def the_unit_is_as_closed_as_documented(folder):
    """the unit is at most as exposed as docs/DEPLOY.md says"""
    documented = re.search(r"`systemd-analyze security` \(systemd (\d+)\) rates its exposure at (\d+\.\d) out of 10", DOCUMENT.read_text())
    assert documented, "docs/DEPLOY.md does not say any more what `systemd-analyze security` finds"
    found = int(version(["systemd-analyze", "--version"]).split(".")[0])
    if found < OFFLINE_SINCE:
        print(f"       not checked: that needs systemd {OFFLINE_SINCE}, and this is {found}")
        return
    said = analyze("security", "--offline=true", "--no-pager", copied_into(folder)).stdout
    level = re.search(r"exposure level for \S+: (\d+\.\d)", said)
    assert level, said
    # Other versions may look at more, or weigh it differently.
    allowed = float(documented[2]) + (0 if found == int(documented[1]) else 0.5)
    assert float(level[1]) <= allowed, f"{level[1]}, and {documented[2]} is documented:\n{said}"


CHECKS = (systemd_accepts_the_unit, the_unit_is_as_closed_as_documented)
