"""From where clients come, as the server knows it through each proxy. The name of a check is the first line of its docstring."""

import json
import subprocess
import time

from ports import ReservedPort

from . import client
from .client import DEADLINE_S, KEY, Closed, Connection, Socket, respond
from .processes import PING, Edge, Haproxy

# What a client says of itself, and where it really is.
SPOOFED, CLIENT, NEIGHBOUR = "198.51.100.66", "203.0.113.9", "203.0.113.10"
CONNECTIONS = 3
LIMITS = f"[limits]\nconnections_per_address = {CONNECTIONS}\n"
TRUSTING = '[network]\ntrusted_proxies = ["127.0.0.1"]\n'
# A PROXY header of somebody who speaks for themselves.
LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"


def remotes(connections):
    """The addresses of all clients."""
    return sorted(connection["remote"] for connection in json.loads(connections)["connections"])


def opened(port, trust, headers, count):
    """So many WebSockets, and the statuses of their handshakes."""
    clients = [Socket(port, trust, "/ws", headers) for _ in range(count)]
    for each in clients:
        if each.upgraded == 101:
            # It is in the list once it is answered.
            each.command(type="ping")
            each.wait_for(type="pong")
    return clients, [each.upgraded for each in clients]


def the_address_in_a_header_counts(at):
    """with trusted_proxies, the client's address is what the proxy says, and the limit per address holds for it"""
    at.edge.stop()
    config = at.folder / "trusting.toml"
    config.write_text(TRUSTING + LIMITS + at.config.read_text())
    at.edge = Edge(at.binary, at.folder, at.port, "--config", str(config))
    folder = at.folder / "balanced"
    folder.mkdir()
    kind = type(at.proxy)
    proxy = kind(folder, at.certificate, at.port, kind.behind_a_balancer())
    try:
        # The proxy believes this header of a load balancer. The other one is the client's own.
        own = f"Forwarded: for={SPOOFED}"
        clients, statuses = opened(proxy.public, at.trust, (f"X-Forwarded-For: {CLIENT}", own), CONNECTIONS + 1)
        assert statuses == [101] * CONNECTIONS + [429], statuses
        others, statuses = opened(proxy.public, at.trust, (f"X-Forwarded-For: {NEIGHBOUR}", own), 1)
        assert statuses == [101], statuses
        found = remotes(respond(proxy.private, None, "GET", "/api/connections", KEY)[1])
        assert found == sorted([CLIENT] * CONNECTIONS + [NEIGHBOUR]), found
        for each in clients + others:
            each.close()
    finally:
        proxy.stop()
        at.edge.stop()
        at.edge = Edge(at.binary, at.folder, at.port, "--ping-interval", PING, "--config", str(at.config))


class Stranger(Socket):
    """A client whose connection a load balancer has passed on, with its address in front."""

    def __init__(self, port, address):
        self.address = address
        super().__init__(port)

    def request(self, *arguments, **options):
        self.send(f"PROXY TCP4 {self.address} 10.0.0.1 4711 443\r\n".encode())
        super().request(*arguments, **options)


class Tcp:
    """What the checks of HAProxy work with."""

    def __init__(self, binary, folder):
        self.reserved = ReservedPort()
        made = subprocess.run([binary, "key", "new", "--id", "backend", "--scope", "admin"], capture_output=True, text=True, check=True)
        key, lines = made.stdout.split("\n", 1)
        client.use_key(key)
        config = folder / "proxied.toml"
        config.write_text(TRUSTING + "proxy_protocol = true\n" + LIMITS + lines)
        self.port = self.reserved.number
        self.edge = Edge(binary, folder, self.port, "--config", str(config))
        try:
            self.proxy = Haproxy(folder, self.port)
        except BaseException:
            self.edge.stop()
            raise

    def stop(self):
        self.proxy.stop()
        self.edge.stop()
        self.reserved.release()

    def remotes(self):
        """The addresses of all clients. The question does not come through the proxy."""
        connection = Connection(self.port)
        connection.send(LOCAL)
        connection.request("GET", "/api/connections", ("Connection: close", *KEY))
        assert connection.status() == 200
        return remotes(connection.until(rb"\{.*\}\s*$")[0])


def through(at, port):
    clients = [Stranger(port, CLIENT) for _ in range(CONNECTIONS + 1)] + [Stranger(port, NEIGHBOUR)]
    statuses = [each.upgraded for each in clients]
    assert statuses == [101] * CONNECTIONS + [429, 101], statuses
    for each in clients:
        if each.upgraded == 101:
            each.command(type="ping")
            each.wait_for(type="pong")
    found = at.remotes()
    assert found == sorted([f"{CLIENT}:4711"] * CONNECTIONS + [f"{NEIGHBOUR}:4711"]), found
    own = Socket(at.proxy.plain)
    assert own.upgraded == 101
    own.command(type="ping")
    own.wait_for(type="pong")
    local = "%s:%d" % own.socket.getsockname()
    assert local in at.remotes(), (local, at.remotes())
    for each in [*clients, own]:
        each.close()
    deadline = time.monotonic() + DEADLINE_S
    while at.remotes():
        assert time.monotonic() < deadline, "closed connections are still there"


def version_1_says_where_clients_are(at):
    """HAProxy: the address in a PROXY header of version 1 is the client's, and the limit per address holds for it"""
    through(at, at.proxy.version_1)


def version_2_says_where_clients_are(at):
    """HAProxy: the same with version 2"""
    through(at, at.proxy.version_2)


def nobody_gets_past_the_proxy(at):
    """HAProxy: a connection without a PROXY header is closed, on a health check too"""
    for path in ("/healthz", "/ws", "/api/stats"):
        connection = Connection(at.port)
        connection.request("GET", path)
        try:
            status = connection.status()
        except Closed:
            continue
        raise AssertionError(f"{path} is answered {status}")


def health_checks_come_through(at):
    """HAProxy: its own health checks find the server"""
    assert "is DOWN" not in at.proxy.log.read_text(), at.proxy.log.read_text()


TCP_CHECKS = (version_1_says_where_clients_are, version_2_says_where_clients_are, nobody_gets_past_the_proxy, health_checks_come_through)
