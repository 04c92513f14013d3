"""The attacks, one file per kind."""

import importlib

KINDS = ["requests", "handshakes", "commands", "frames", "rooms", "histories", "publishing", "slow_readers", "streams"]


def load():
    """Lists all attacks. A module that defines one only has to be imported."""
    for kind in KINDS:
        importlib.import_module(f"{__name__}.{kind}")
