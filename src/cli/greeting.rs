//! The text that is printed at the start: where the server listens, and how to publish to it.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use super::print;

/// What the text is about.
#[derive(Debug)]
pub(super) struct Greeting {
    /// The addresses of the listening sockets.
    pub(super) addresses: Vec<SocketAddr>,
    /// Those of the API, if it has its own.
    pub(super) internal: Vec<SocketAddr>,
    pub(super) dev: bool,
    /// The schemes of URLs with the first of them: that of HTTP and that of WebSockets.
    pub(super) schemes: [&'static str; 2],
    pub(super) has_page: bool,
    pub(super) has_keys: bool,
}

impl Greeting {
    /// Prints the addresses, and warnings about what they expose.
    pub(super) fn print(&self) {
        let Some((&first, others)) = self.addresses.split_first() else {
            return;
        };
        let [http, ws] = self.schemes;
        let here = reachable(first);
        let internal = self.internal.first().map(|&address| reachable(address));
        let api = match internal {
            Some(internal) => format!("http://{internal}"),
            None => format!("{http}://{here}"),
        };
        let mut lines = String::new();
        if self.has_page {
            let _ = writeln!(lines, "  page     {api}/");
        }
        if let Some(internal) = internal {
            let _ = writeln!(lines, "  API      http://{internal}/");
        }
        let others = others.iter().map(|other| (http, other));
        let internal = self.internal.get(1..).unwrap_or_default();
        for (http, other) in others.chain(internal.iter().map(|other| ("http", other))) {
            let _ = writeln!(lines, "  also     {http}://{other}/");
        }
        let key = if self.has_keys {
            " \\\n             -H 'Authorization: Bearer wck_…'"
        } else {
            ""
        };
        print::out(&format!(
            "wavecast {} listens on {http}://{first}

{lines}  clients  {ws}://{here}/ws
  publish  curl -sS {api}/api/events -H 'Content-Type: application/json'{key} \\
             -d '{{\"channel\":\"notifications\",\"data\":{{\"message\":\"Hello!\"}}}}'

",
            env!("CARGO_PKG_VERSION")
        ));
        self.warn();
    }

    fn warn(&self) {
        if self.dev {
            print::err(
                "WARNING: --dev is for trying things: anybody who can connect can do everything, and claim to be \
                 anybody with ?user=<id>. Never use it where others can reach this port.\n",
            );
        }
        let of_api = if self.internal.is_empty() {
            &self.addresses
        } else {
            &self.internal
        };
        let open = of_api.iter().find(|address| !address.ip().is_loopback());
        match open {
            Some(open) if !self.has_keys && self.dev => print::err(&format!(
                "WARNING: with --dev and no API key, the HTTP API on {open} has no authentication: anyone who \
                 can reach the port can publish and close connections.\n"
            )),
            Some(open) if !self.has_keys => print::err(&format!(
                "WARNING: without an API key, the HTTP API on {open} answers only programs on this machine; \
                 `wavecast key new` makes a key.\n"
            )),
            _ => {}
        }
    }
}

/// An address that a program on this machine can connect to.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        (Ipv4Addr::LOCALHOST, address.port()).into()
    } else {
        address
    }
}
