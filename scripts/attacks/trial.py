"""One attack against one server, measured."""

import time

from attacks import neighbour, prober
from attacks.attack import Harm
from attacks.beside import FORK, Beside
from attacks.server import Server

SAMPLE_S, IDLE_S, CALM_S = 0.1, 1.5, 2
ATTACK_S = 300
ATTACKER_NICENESS = 10
# The processor time after the attack is measured over the last seconds.
CPU_S = 5


def measure(attack, binary, flags, settle):
    """Runs an attack, and returns a row of the table."""
    server = Server(binary, [*flags, *attack.flags])
    try:
        return _measure(attack, server, settle)
    finally:
        server.stop()


def _measure(attack, server, settle):
    stop = FORK.Event()
    watchers = [Beside(watch, server.target, stop) for watch in (neighbour.watch, prober.watch)]
    time.sleep(IDLE_S)
    row = {"name": attack.name, "title": attack.title, "note": "", "harm": None, "recovery": None}
    row["idle"], row["descriptors_idle"] = server.resident(), server.descriptors()
    started = time.monotonic()
    attacker = Beside(_attack, attack, server.target, niceness=ATTACKER_NICENESS)
    row["peak"] = _peak(server, lambda: attacker.has_ended() or time.monotonic() > started + ATTACK_S)
    value, error = attacker.result(1)
    row["note"], row["harm"] = value or ("", error)
    row["seconds"] = round(time.monotonic() - started, 1)
    calm = time.monotonic() + CALM_S
    row["peak"] = max(row["peak"], _peak(server, lambda: time.monotonic() > calm))
    stop.set()
    (row["neighbour"], one), (row["health"], other) = (watcher.result(30) for watcher in watchers)
    time.sleep(max(0, calm - CALM_S + settle - CPU_S - time.monotonic()))
    cpu, since = server.cpu_seconds(), time.monotonic()
    time.sleep(CPU_S)
    row["cpu_after"] = round((server.cpu_seconds() - cpu) / (time.monotonic() - since) * 100, 1)
    row["after"], row["descriptors_after"] = server.resident(), server.descriptors()
    row["exit_code"] = server.exit_code()
    row["recovery"] = one or other
    if row["neighbour"] and row["exit_code"] is None:
        row["recovery"] = _recovery(server, row["neighbour"]["position"])
    return row


def _attack(attack, target):
    """The attack's note, and the harm that it saw itself."""
    try:
        return attack.run(target) or "", None
    except Harm as harm:
        return str(harm), str(harm)


def _peak(server, has_ended):
    peak = server.resident()
    while not has_ended():
        time.sleep(SAMPLE_S)
        peak = max(peak, server.resident())
    return peak


def _recovery(server, position):
    value, error = Beside(neighbour.resume, server.target, position).result(40)
    return error or value
