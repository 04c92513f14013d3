"""Reads an Autobahn index.json and decides whether it passes.

usage: autobahn_gate.py INDEX_JSON all|some

With `all`, the number of cases in each group must be the known one, so that a
runner that skips cases cannot pass. With `some`, at least one case must have run.
"""

import json
import sys
from collections import Counter
from fnmatch import fnmatch

# Number of cases per group of the suite (kosoku 0.1.0).
EXPECTED = {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1}

# Cases in which the suite only reports what the server does; no behavior is right or wrong.
INFORMATIONAL = ("7.1.6", "7.13.*")

# Acceptable results for how the connection was closed, which is judged apart from the case itself.
CLOSE_OK = {"OK", "INFORMATIONAL"}


def sort_key(case):
    return [int(part) for part in case.split(".")]


def verdict(case, result):
    """Why this result does not pass, or None."""
    behavior, close = result.get("behavior"), result.get("behaviorClose")
    may_inform = any(fnmatch(case, pattern) for pattern in INFORMATIONAL)
    if behavior != "OK" and not (behavior == "INFORMATIONAL" and may_inform):
        return f"behavior {behavior}, close {close}"
    if close not in CLOSE_OK:
        return f"close {close}"
    return None


def main(path, mode):
    with open(path, encoding="utf-8") as file:
        agents = json.load(file)
    if len(agents) != 1:
        sys.exit(f"autobahn: expected one server in the report, found {len(agents)}")
    (agent, cases), = agents.items()

    problems = []
    ran = Counter(case.split(".")[0] for case in cases)
    if mode == "all":
        for group in sorted(EXPECTED.keys() | ran.keys(), key=int):
            if ran[group] != EXPECTED.get(group, 0):
                problems.append(f"group {group}: {ran[group]} cases ran, expected {EXPECTED.get(group, 0)}")
    elif not cases:
        problems.append("no case ran")

    failed = 0
    for case in sorted(cases, key=sort_key):
        reason = verdict(case, cases[case])
        if reason:
            failed += 1
            problems.append(f"case {case}: {reason}")

    print(f"server: {agent}")
    for group in sorted(ran, key=int):
        in_group = {case: result for case, result in cases.items() if case.split(".")[0] == group}
        counts = Counter(result.get("behavior") for result in in_group.values())
        print(f"  group {group:>2}: " + ", ".join(f"{n} {name}" for name, n in sorted(counts.items())))
    for problem in problems:
        print(f"autobahn: {problem}", file=sys.stderr)
    print(f"autobahn: {len(cases) - failed} passed, {max(failed, len(problems))} failed")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in ("all", "some"):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
