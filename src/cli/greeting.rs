//! The text that is printed at the start: where the server listens, and how to publish to it.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use super::print;

/// Prints the addresses of the listening sockets, and warnings about what they expose.
pub(super) fn greet(addresses: &[SocketAddr], dev: bool, has_page: bool) {
    let Some((&first, others)) = addresses.split_first() else {
        return;
    };
    let here = reachable(first);
    let mut page = String::new();
    if has_page {
        let _ = writeln!(page, "  page     http://{here}/");
    }
    for other in others {
        let _ = writeln!(page, "  also     http://{other}/");
    }
    print::out(&format!(
        "wavecast {} listens on http://{first}

{page}  clients  ws://{here}/ws
  publish  curl -sS http://{here}/api/events -H 'Content-Type: application/json' \\
             -d '{{\"channel\":\"notifications\",\"data\":{{\"message\":\"Hello!\"}}}}'

",
        env!("CARGO_PKG_VERSION")
    ));
    if dev {
        print::err(
            "WARNING: --dev is for trying things: anybody who can connect can do everything, and claim to be \
             anybody with ?user=<id>. Never use it where others can reach this port.\n",
        );
    }
    if let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback()) {
        print::err(&format!(
            "WARNING: the HTTP API on {open} has no authentication: anyone who can reach the port \
             can publish and close connections. Let only trusted networks reach it.\n"
        ));
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
