"""Attacks against a running server, and what they may cost its other clients."""
