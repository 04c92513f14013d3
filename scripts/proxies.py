#!/usr/bin/env python3
"""Runs the nginx and Caddy files of deploy/, and HAProxy with PROXY headers, in front of a real server, and checks what docs/DEPLOY.md says about them
and about the systemd unit.

The files are run as they are, except for ports, the certificate, paths of logs, and two limits that would take
too long to reach. Each change must find its text, so a file that was edited is noticed.

usage: scripts/proxies.py [nginx] [caddy] [haproxy] [unit]      (default: all)

Installs nginx, Caddy, HAProxy, curl, openssl and systemd with apt if they are missing. The unit is not started, only checked.
Everything listens on free ports of the loopback interface, and only the processes that were started here are ended. Exits with 1 if a check failed.

    SERVER_BIN     the server binary (default: target/release/wavecast)
"""

import sys

from proxies.command import main

if __name__ == "__main__":
    sys.exit(main(__doc__))
