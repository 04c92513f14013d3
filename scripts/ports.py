"""Ports for servers that have to be told one, and cannot choose one themselves."""

import socket


class ReservedPort:
    """A free port of this machine that nobody else is given.

    It stays bound here without being listened on. The system gives such a port to no process that asks for any
    port, but a process that names it, and sets SO_REUSEADDR as servers do, can listen on it as often as it likes.
    The port is free again after `release`.
    """

    def __init__(self):
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind(("127.0.0.1", 0))
        self.number = self._holder.getsockname()[1]

    def release(self):
        self._holder.close()
