"""The processes of a check: the server and the proxies. Each ends only what it started."""

import getpass
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from ports import ReservedPort

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY, DOCUMENT = ROOT / "deploy", ROOT / "docs" / "DEPLOY.md"
START_S, STOP_S = 20, 20
# The server pings this often.
PING = "500ms"
# What the files in deploy/ say, and what the checks put in its place.
EDGE, BACKENDS, APPLICATION = "127.0.0.1:3000", "127.0.0.1:3001", "127.0.0.1:8000"


def replaced(text, changes):
    """The text with all changes made. A change that has nothing to change means that the file is another one."""
    for old, new in changes.items():
        if old not in text:
            raise SystemExit(f"proxies: `{old}` is not in the file any more; change scripts/proxies/ with it")
        text = text.replace(old, new)
    return text


def snippet(language, application):
    """The lines of docs/DEPLOY.md that make a proxy ask the application on this port who may connect."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT.read_text(), re.S | re.M)
    asking = [block for block in blocks if APPLICATION in block]
    if len(asking) != 1:
        raise SystemExit(f"proxies: docs/DEPLOY.md has {len(asking)} blocks of {language} with {APPLICATION}")
    return asking[0].replace(APPLICATION, f"127.0.0.1:{application}")


class Process:
    """A process with its log. It owns `ports`, which are free again when it was stopped."""

    def __init__(self, name, command, folder, ports=(), **options):
        self.name, self.ports, self.stopping = name, ports, False
        self.log = Path(folder) / f"{name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)

    def wait_for_port(self, port):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        text = self.log.read_text(errors="replace")
        self.stop()
        raise SystemExit(f"proxies: {self.name} did not start:\n{text}")

    def begin_to_stop(self):
        """Sends SIGTERM once: a second one would end the server without a drain."""
        if not self.stopping and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.stopping = True

    def stop(self):
        """Ends the process, if need be by force, and returns its exit code."""
        self.begin_to_stop()
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            for port in self.ports:
                port.release()


class Edge(Process):
    """The server. Its port stays the same when it is started again, so others keep it reserved."""

    def __init__(self, binary, folder, port, *flags):
        super().__init__("wavecast", [binary, "--listen", f"127.0.0.1:{port}", *flags], folder)
        self.wait_for_port(port)


class Proxy(Process):
    """A proxy in front of the server: `public` and `private` are its ports."""

    def __init__(self, command, folder, ports, **options):
        super().__init__(type(self).__name__.lower(), command, folder, ports, **options)
        self.public, self.private = (port.number for port in ports)
        self.wait_for_port(self.public)
        self.wait_for_port(self.private)


class Nginx(Proxy):
    """nginx with deploy/nginx.conf. Its workers end with the process that is started here."""

    def __init__(self, folder, certificate, edge, changes=None):
        ports = ReservedPort(), ReservedPort()
        public, private = (port.number for port in ports)
        self.access_log = Path(folder) / "nginx.access.log"
        paths = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        text = replaced((DEPLOY / "nginx.conf").read_text(), {
            "user www-data;": f"user {getpass.getuser()};\ndaemon off;",
            "/run/nginx.pid": f"{folder}/nginx.pid",
            "/var/log/nginx/error.log": "stderr",
            "/var/log/nginx/access.log": str(self.access_log),
            "worker_rlimit_nofile 70000;": "",
            "worker_connections 65000": "worker_connections 1000",
            "http {\n": "http {\n" + paths,
            "        listen [::]:443 ssl http2;\n": "",
            "listen 443 ": f"listen 127.0.0.1:{public} ",
            "/etc/ssl/wavecast/fullchain.pem": str(certificate.chain),
            "/etc/ssl/wavecast/privkey.pem": str(certificate.key),
            EDGE: f"127.0.0.1:{edge}",
            BACKENDS: f"127.0.0.1:{private}",
            **(changes or {}),
        })
        file = Path(folder) / "nginx.conf"
        file.write_text(text)
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        super().__init__([binary, "-c", str(file), "-p", str(folder)], folder, ports)

    @staticmethod
    def asking(application):
        """The change that makes it ask this application."""
        line = "        limit_conn address 200;\n"
        return {line: line + snippet("nginx", application)}

    @staticmethod
    def behind_a_balancer():
        """The change that makes it believe a load balancer in front of it."""
        line = "    server_tokens off;\n"
        return {line: line + "    set_real_ip_from 127.0.0.1;\n    real_ip_header X-Forwarded-For;\n"}

    def reload(self):
        """New workers with the same configuration; the old ones go on with their clients."""
        self.process.send_signal(signal.SIGHUP)


class Caddy(Proxy):
    """Caddy with deploy/Caddyfile."""

    def __init__(self, folder, certificate, edge, changes=None):
        ports = ReservedPort(), ReservedPort()
        public, private = (port.number for port in ports)
        text = replaced((DEPLOY / "Caddyfile").read_text(), {
            "grace_period": "admin off\n\tauto_https off\n\tgrace_period",
            "example.com {": f"https://localhost:{public} {{\n\ttls {certificate.chain} {certificate.key}\n\tbind 127.0.0.1",
            EDGE: f"127.0.0.1:{edge}",
            "http://:3001 {": f"http://:{private} {{",
            **(changes or {}),
        })
        file = Path(folder) / "Caddyfile"
        file.write_text(text)
        # Caddy keeps its state below these folders.
        env = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "PATH": "/usr/bin:/bin"}
        binary = shutil.which("caddy") or "/usr/bin/caddy"
        super().__init__([binary, "run", "--config", str(file), "--adapter", "caddyfile"], folder, ports, env=env)

    @staticmethod
    def asking(application):
        """The change that makes it ask this application."""
        line = "handle @public {\n"
        return {line: line + snippet("caddyfile", application)}

    @staticmethod
    def behind_a_balancer():
        """The change that makes it believe a load balancer in front of it."""
        line = "header_up -Forwarded\n"
        return {line: line + "\t\ttrusted_proxies 127.0.0.1\n"}


class Haproxy(Process):
    """HAProxy in front of a server that expects PROXY headers. It passes on connections without reading them, and believes a
    load balancer in front of it; on `plain`, clients come by themselves."""

    def __init__(self, folder, edge):
        ports = ReservedPort(), ReservedPort(), ReservedPort()
        self.version_1, self.version_2, self.plain = (port.number for port in ports)
        text = f"""
global
    log stderr local0
defaults
    mode tcp
    log global
    timeout connect 5s
    timeout client 75s
    timeout server 75s
frontend old
    bind 127.0.0.1:{self.version_1} accept-proxy
    default_backend old
frontend new
    bind 127.0.0.1:{self.version_2} accept-proxy
    default_backend new
frontend plain
    bind 127.0.0.1:{self.plain}
    default_backend new
backend old
    server edge 127.0.0.1:{edge} send-proxy check inter 200ms
backend new
    option httpchk GET /healthz
    server edge 127.0.0.1:{edge} send-proxy-v2 check inter 200ms
"""
        file = Path(folder) / "haproxy.cfg"
        file.write_text(text)
        binary = shutil.which("haproxy") or "/usr/sbin/haproxy"
        super().__init__("haproxy", [binary, "-db", "-f", str(file)], folder, ports)
        self.wait_for_port(self.plain)


class Certificate:
    """A certificate for localhost, which the clients of the checks trust."""

    def __init__(self, folder):
        self.chain, self.key = Path(folder) / "chain.pem", Path(folder) / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", str(self.key), "-out", str(self.chain)],
            check=True, capture_output=True,
        )


def version(command):
    """What a program says its version is."""
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)+|\b\d+\b", said.stdout + said.stderr)
    return found[0] if found else "unknown version"
