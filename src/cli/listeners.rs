//! The sockets that the server listens on.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::config::Listen;
use crate::transport;

/// Number of attempts to find a port that is free on both loopback addresses.
const PORT_ATTEMPTS: usize = 16;

/// Opens the sockets for `listen`, the value of `flag`: at least one, or an error that names the
/// address.
pub(super) fn open(listen: Listen, flag: &str) -> Result<Vec<TcpListener>, String> {
    let failed = |(address, error): (SocketAddr, io::Error)| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => format!("; take another port with {flag}"),
            _ => String::new(),
        };
        let address = address.to_string();
        let on = listen.to_string();
        if on == address {
            format!("cannot listen on {on}: {error}{hint}")
        } else {
            format!("cannot listen on {on} ({address}): {error}{hint}")
        }
    };
    match (listen, &listen.addresses()[..]) {
        // The IPv6 socket accepts IPv4 too. On a machine without IPv6, IPv4 is used alone.
        (Listen::All(_), &[v4, v6]) => match bind(v6) {
            Err((_, error)) if does_not_exist(&error) => bind(v4),
            bound => bound,
        }
        .map(|listener| vec![listener])
        .map_err(failed),
        (Listen::Loopback(_), &[v4, v6]) => on_both(v4, v6).map_err(failed),
        (_, addresses) => {
            let bound: Result<Vec<_>, _> = addresses.iter().map(|&address| bind(address)).collect();
            bound.map_err(failed)
        }
    }
}

type BindError = (SocketAddr, io::Error);

fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    transport::listen(address).map_err(|error| (address, error))
}

/// Listens on the same port of two addresses, or on the one address that exists.
fn on_both(v4: SocketAddr, v6: SocketAddr) -> Result<Vec<TcpListener>, BindError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let first = match bind(v4) {
            Err((_, error)) if does_not_exist(&error) => return Ok(vec![bind(v6)?]),
            bound => bound?,
        };
        let port = first.local_addr().map_err(|error| (v4, error))?.port();
        match bind(SocketAddr::new(v6.ip(), port)) {
            Ok(second) => return Ok(vec![first, second]),
            Err((_, error)) if does_not_exist(&error) => return Ok(vec![first]),
            // The free port of one family may be taken in the other.
            Err((_, error))
                if v4.port() == 0
                    && error.kind() == ErrorKind::AddrInUse
                    && attempts < PORT_ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
}

/// The addresses of sockets that were opened for `listen`.
pub(super) fn addresses(
    listeners: &[TcpListener],
    listen: Listen,
) -> Result<Vec<SocketAddr>, String> {
    let addresses: io::Result<_> = listeners.iter().map(TcpListener::local_addr).collect();
    addresses.map_err(|error| format!("cannot listen on {listen}: {error}"))
}

/// Whether the machine lacks the address, or the whole address family.
fn does_not_exist(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}
