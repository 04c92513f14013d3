#!/usr/bin/env python3
"""Runs the nginx and Caddy files of deploy/ in front of a real server, and checks what docs/DEPLOY.md says about them.

The files are run as they are, except for ports, the certificate, paths of logs, and two limits that would take
too long to reach. Each change must find its text, so a file that was edited is noticed.

usage: scripts/proxies.py [nginx] [caddy]      (default: both)

Installs nginx, Caddy, curl and openssl with apt if they are missing. Everything listens on free ports of the
loopback interface, and only the processes that were started here are ended. Exits with 1 if a check failed.

    SERVER_BIN     the server binary (default: target/release/wavecast)
"""

import sys

from proxies.command import main

if __name__ == "__main__":
    sys.exit(main(__doc__))
