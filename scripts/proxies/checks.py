"""What has to hold through each proxy. The name of a check is the first line of its docstring."""

import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .addresses import the_address_in_a_header_counts
from .client import DEADLINE_S, KEY, Closed, Connection, Socket, publish, respond
from .processes import PING, Edge, Nginx

# nginx ends a connection on which it reads nothing for READ_TIMEOUT_S.
READ_TIMEOUT_S, IDLE_S = 5, 8
ADDRESS_LIMIT = 20
NGINX_CHANGES = {
    "proxy_read_timeout 75s;": f"proxy_read_timeout {READ_TIMEOUT_S}s;",
    "limit_conn address 200;": f"limit_conn address {ADDRESS_LIMIT};",
}

HIDDEN = (
    "/", "/api/events", "/api/events/batch", "/api/events/stream", "/api/stats", "/api/connections", "/api/channels/x/history",
    "/health", "/healthz", "/readyz",
    # Ways around a list of paths.
    "//api/events", "/API/events", "/%61pi/events", "/ws/../api/events", "/wavecast/../api/events",
    "/wavecast/%2e%2e/api/events", "/live/api/events", "/live/../api/events", "/live//api/events", "/ws/", "/ws;/api/events",
)


def an_event_reaches_a_websocket(at):
    """a published event reaches a WebSocket"""
    client = Socket(at.proxy.public, at.trust)
    assert client.upgraded == 101, f"status {client.upgraded}"
    client.subscribe("news")
    assert publish(at.proxy.private, None, "news", {"n": 1}) == 200
    assert client.wait_for(type="event")["data"]["n"] == 1


def an_event_stream_is_not_buffered(at):
    """an event stream begins at once, and each event arrives while it is open"""
    stream = Connection(at.proxy.public, at.trust)
    stream.request("GET", "/sse?channel=news")
    assert stream.status() == 200
    stream.until(b"retry: ")
    stream.until(b'"subscribed"')
    for n in range(3):
        assert publish(at.proxy.private, None, "news", {"n": n}) == 200
        stream.until(b'"n":%d' % n)


def an_event_stream_shares_a_connection(at):
    """an event stream is served over HTTP/2"""
    url = f"https://localhost:{at.proxy.public}/sse?channel=news"
    command = ["curl", "-sSN", "--http2", "--cacert", str(at.trust), "--max-time", str(DEADLINE_S), "-D", "-", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as curl:
        seen = b""
        while b"subscribed" not in seen and (line := curl.stdout.readline()):
            seen += line
        curl.kill()
    assert seen.startswith(b"HTTP/2 200") and b"subscribed" in seen, seen


def the_public_side_cannot_publish(at):
    """the public side reaches neither the API nor anything else that is not listed"""
    client = Socket(at.proxy.public, at.trust)
    client.subscribe("guarded")
    event = json.dumps({"channel": "guarded", "data": "from outside"}).encode()
    for path in HIDDEN:
        for method in ("GET", "POST", "DELETE"):
            body = event if method == "POST" else None
            status, text = respond(at.proxy.public, at.trust, method, path, body=body)
            assert status in (400, 404), f"{method} {path} is answered {status}: {text[:200]!r}"
    assert publish(at.proxy.private, None, "guarded", {"from": "inside"}) == 200
    assert client.wait_for(type="event")["data"]["from"] == "inside"


def the_private_side_has_the_api(at):
    """backends reach the API and the health checks on the private side, and no client does"""
    for path, expected in (("/api/stats", 200), ("/healthz", 200), ("/readyz", 200), ("/health", 200), ("/ws", 404), ("/", 404)):
        status, text = respond(at.proxy.private, None, "GET", path, KEY)
        assert status == expected, f"{path} is answered {status}: {text[:200]!r}"
    status, text = respond(at.proxy.private, None, "GET", "/api/stats")
    assert status == 401, f"without a key, it is answered {status}: {text[:200]!r}"


def a_proxy_is_not_a_program_on_this_machine(at):
    """without a key in the configuration, nothing that comes through the proxy reaches the API"""
    at.edge.stop()
    at.edge = Edge(at.binary, at.folder, at.port)
    try:
        for port, path in ((at.proxy.private, "/api/stats"), (at.proxy.private, "/api/connections")):
            status, text = respond(port, None, "GET", path)
            assert status == 401, f"{path} is answered {status}: {text[:200]!r}"
        status, text = respond(at.port, None, "GET", "/api/stats")
        assert status == 200, f"directly, it is answered {status}: {text[:200]!r}"
    finally:
        at.edge.stop()
        at.edge = Edge(at.binary, at.folder, at.port, "--ping-interval", PING, "--config", str(at.config))


def a_publish_stream_is_answered_line_by_line(at):
    """nginx: a publish stream is answered line by line while it is open"""
    stream = Connection(at.proxy.private)
    stream.send(b"POST /api/events/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
                + KEY[0].encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    for n in range(3):
        line = b'{"channel":"news","id":"line-%d","data":%d}\n' % (n, n)
        stream.send(b"%x\r\n%s\r\n" % (len(line), line))
        stream.until(b'"line-%d"' % n)


def the_base_path_works(at):
    """the base path leads to the same server"""
    assert Socket(at.proxy.public, at.trust, "/live/ws").upgraded == 101
    for path in ("/wavecast.js", "/live/wavecast.js", "/wavecast.iife.js", "/live/wavecast/base/json.js"):
        status, text = respond(at.proxy.public, at.trust, "GET", path)
        assert status == 200, f"{path} is answered {status}"


def a_long_last_event_id_passes(at):
    """an event stream resumes with a Last-Event-ID of 16 KiB"""
    stream = Connection(at.proxy.public, at.trust)
    stream.request("GET", "/sse?channel=news", ("Last-Event-ID: " + "x" * 16000,))
    assert stream.status() == 200
    stream.until(b'"subscribed"')


def pings_keep_idle_connections(at):
    """idle connections outlive the proxy's read timeout, because the server pings"""
    client, stream = Socket(at.proxy.public, at.trust), Connection(at.proxy.public, at.trust)
    stream.request("GET", "/sse?channel=quiet")
    stream.until(b'"subscribed"')
    assert client.stays_open(IDLE_S), "the WebSocket was closed"
    assert client.pings > 0, "no ping arrived"
    client.subscribe("quiet")
    assert publish(at.proxy.private, None, "quiet", {"n": 9}) == 200
    client.wait_for(type="event")
    stream.until(b'"n":9')


class Application(BaseHTTPRequestHandler):
    """An application that admits anyone who has its cookie and asks for the right address."""

    def do_GET(self):
        admitted = "session=ada" in self.headers.get("Cookie", "") and self.headers["X-Forwarded-Uri"].startswith("/ws?tab=")
        self.send_response(204 if admitted and self.path.startswith("/may-connect") else 403)
        self.end_headers()

    def log_message(self, *_):
        pass


def an_application_decides_who_may_connect(at):
    """with the lines of docs/DEPLOY.md, the proxy asks an application who may connect"""
    application = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=application.serve_forever, daemon=True).start()
    folder = at.folder / "asking"
    folder.mkdir()
    kind = type(at.proxy)
    proxy = kind(folder, at.certificate, at.port, kind.asking(application.server_port))
    try:
        cookie = "Cookie: session=ada"
        without = Socket(proxy.public, at.trust, "/ws?tab=1").upgraded
        admitted = Socket(proxy.public, at.trust, "/ws?tab=1", (cookie,)).upgraded
        elsewhere = respond(proxy.public, at.trust, "GET", "/sse?channel=x", (cookie,))[0]
        assert (without, admitted, elsewhere) == (403, 101, 403), f"statuses {without}, {admitted}, {elsewhere}"
        assert publish(proxy.private, None, "news", {"n": 1}) == 200
    finally:
        proxy.stop()
        application.shutdown()
        application.server_close()


def one_address_is_limited(at):
    """nginx: one address cannot open more connections than it may"""
    clients = [Socket(at.proxy.public, at.trust) for _ in range(ADDRESS_LIMIT + 1)]
    refused = {client.upgraded for client in clients} - {101}
    assert refused == {429}, f"statuses {refused}"
    for client in clients:
        client.close()
    deadline = time.monotonic() + DEADLINE_S
    while Socket(at.proxy.public, at.trust).upgraded != 101:
        assert time.monotonic() < deadline, "closed connections still count"


def the_log_has_addresses_and_no_queries(at):
    """nginx: the log has each client's address, and no query string"""
    Socket(at.proxy.public, at.trust, "/ws?token=secret").close()
    deadline = time.monotonic() + DEADLINE_S
    while " /ws 101 " not in at.proxy.access_log.read_text():
        assert time.monotonic() < deadline, "the connection is not in the log"
        time.sleep(0.05)
    log = at.proxy.access_log.read_text()
    assert "127.0.0.1 [" in log and "secret" not in log, log


def a_reload_keeps_connections(at):
    """nginx: a reload keeps the open connections"""
    client = Socket(at.proxy.public, at.trust)
    client.subscribe("reloaded")
    at.proxy.reload()
    # Whichever worker takes them, old or new.
    assert all(Socket(at.proxy.public, at.trust).upgraded == 101 for _ in range(5))
    assert publish(at.proxy.private, None, "reloaded", {"n": 1}) == 200
    client.wait_for(type="event")


def a_drain_reaches_clients(at):
    """a drain reaches clients as a notice and 1001, and new ones get 5xx until the server is back"""
    client, stream = Socket(at.proxy.public, at.trust), Connection(at.proxy.public, at.trust)
    client.subscribe("news")
    stream.request("GET", "/sse?channel=news")
    stream.until(b'"subscribed"')
    at.edge.begin_to_stop()
    client.wait_for(channel="$system")
    ended = client.next()
    assert ended == 1001, f"instead of 1001: {ended}"
    stream.until(b'event: close\ndata: {"code":1001')
    client.close()
    code = at.edge.stop()
    assert code == 0, f"the server ended with {code}"
    assert Socket(at.proxy.public, at.trust).upgraded in (502, 503, 504)
    at.edge = Edge(at.binary, at.folder, at.port, "--ping-interval", PING, "--config", str(at.config))
    assert Socket(at.proxy.public, at.trust).upgraded == 101


def without_pings_nginx_cuts(at):
    """nginx: a connection whose server pings more rarely than the read timeout is cut"""
    at.edge.stop()
    at.edge = Edge(at.binary, at.folder, at.port, "--ping-interval", "60s", "--config", str(at.config))
    client = Socket(at.proxy.public, at.trust)
    try:
        ended = client.next()
    except Closed:
        return
    raise AssertionError(f"it is still there: {ended}")


COMMON = (
    an_event_reaches_a_websocket, an_event_stream_is_not_buffered, an_event_stream_shares_a_connection,
    the_public_side_cannot_publish, the_private_side_has_the_api, a_proxy_is_not_a_program_on_this_machine, the_base_path_works, a_long_last_event_id_passes, an_application_decides_who_may_connect,
    the_address_in_a_header_counts, pings_keep_idle_connections, a_drain_reaches_clients,
)
ONLY_NGINX = (
    a_publish_stream_is_answered_line_by_line, one_address_is_limited, the_log_has_addresses_and_no_queries, a_reload_keeps_connections, without_pings_nginx_cuts,
)


def checks_of(proxy):
    return COMMON + (ONLY_NGINX if proxy is Nginx else ())
