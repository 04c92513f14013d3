//! Options of listening and accepted sockets.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// Connections the kernel may hold before they are accepted; a storm arrives faster than
/// any loop accepts.
const BACKLOG: i32 = 4096;

/// What is set on every accepted socket.
#[derive(Debug, Clone, Copy)]
pub struct SocketOptions {
    /// Bytes the kernel takes that it has not sent yet. More than this waits in the
    /// outbox, where it is counted. Default 16 KiB.
    pub notsent_lowat: u32,
    /// After so long without acknowledgement of what was sent, the kernel gives the
    /// connection up. Default 90 s.
    pub user_timeout: Duration,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            notsent_lowat: 16 * 1024,
            user_timeout: Duration::from_secs(90),
        }
    }
}

impl SocketOptions {
    /// Sets the options. A refusal by the kernel costs speed or memory, not correctness,
    /// so it is not an error.
    pub fn apply(&self, stream: &TcpStream) {
        let socket = SockRef::from(stream);
        let _ = socket.set_tcp_nodelay(true);
        #[cfg(target_os = "linux")]
        {
            let _ = socket.set_tcp_notsent_lowat(self.notsent_lowat);
            let _ = socket.set_tcp_user_timeout(Some(self.user_timeout));
        }
    }
}

/// Makes the socket vanish with a reset when it is dropped, so that the kernel keeps none
/// of its unsent bytes.
pub(super) fn reset_on_close(stream: &TcpStream) {
    // Refused only where the peer is gone already.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Opens a listening socket with a deep backlog.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // `[::]` is all addresses, whatever the system's default is.
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Whether an accept failed because the process or the system has no descriptor left.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}
