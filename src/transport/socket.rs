//! Options for listening and accepted sockets.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

/// Length of the kernel's queue of connections that have not been accepted. In a reconnect storm,
/// they arrive faster than any loop can accept them.
const BACKLOG: i32 = 4096;
/// How long nothing has to be received before the kernel asks whether the peer is there.
const KEEP_ALIVE_TIME: Duration = Duration::from_secs(60);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Options set on every accepted socket.
#[derive(Debug, Clone, Copy)]
pub struct SocketOptions {
    /// Maximum number of unsent bytes in the kernel's send buffer (`TCP_NOTSENT_LOWAT`). The
    /// rest stays in the outbox, where it is counted. Default: 16 KiB.
    pub notsent_lowat: u32,
    /// How long sent data may remain unacknowledged before the kernel closes the connection
    /// (`TCP_USER_TIMEOUT`). Default: 90 s.
    pub user_timeout: Duration,
    /// A connection that accepts no bytes for this long while some are queued is reset. Default:
    /// 30 s.
    pub write_timeout: Duration,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            notsent_lowat: 16 * 1024,
            user_timeout: Duration::from_secs(90),
            write_timeout: Duration::from_secs(30),
        }
    }
}

impl SocketOptions {
    /// Sets the options, and `TCP_NODELAY`. Failures are ignored: they cost speed or memory, not
    /// correctness.
    pub fn apply(&self, stream: &TcpStream) {
        let socket = SockRef::from(stream);
        let _ = socket.set_tcp_nodelay(true);
        #[cfg(target_os = "linux")]
        {
            let _ = socket.set_tcp_notsent_lowat(self.notsent_lowat);
            let _ = socket.set_tcp_user_timeout(Some(self.user_timeout));
        }
    }

    /// The same for a socket that was just accepted, and TCP keep-alive: a peer that vanished
    /// is noticed although nothing is written to it.
    pub fn apply_at_accept(&self, stream: &TcpStream) {
        self.apply(stream);
        let keep_alive = TcpKeepalive::new()
            .with_time(KEEP_ALIVE_TIME)
            .with_interval(KEEP_ALIVE_INTERVAL);
        let _ = SockRef::from(stream).set_tcp_keepalive(&keep_alive);
    }
}

/// Makes the socket close with a TCP reset when it is dropped, so that the kernel discards its
/// unsent bytes.
pub(super) fn reset_on_close(stream: &TcpStream) {
    // Fails only if the peer is already gone.
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

/// Whether `accept` failed because the process or the system has no file descriptor left.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}

/// Ends the write side of a socket that others hold too; the read side stays open.
pub(super) fn shutdown_write(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).shutdown(Shutdown::Write)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn accepted() -> (TcpStream, TcpStream) {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        (accepted.unwrap().0, peer.unwrap())
    }

    const OPTIONS: SocketOptions = SocketOptions {
        notsent_lowat: 12_345,
        user_timeout: Duration::from_millis(7654),
        write_timeout: Duration::from_secs(1),
    };

    fn check(socket: &SockRef<'_>) {
        assert!(socket.tcp_nodelay().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_notsent_lowat().unwrap(), 12_345);
            let user_timeout = socket.tcp_user_timeout().unwrap();
            assert_eq!(user_timeout, Some(OPTIONS.user_timeout));
        }
    }

    #[tokio::test]
    async fn every_option_of_a_socket_is_set() {
        let (socket, _peer) = accepted().await;
        assert!(!socket.nodelay().unwrap());
        OPTIONS.apply(&socket);
        check(&SockRef::from(&socket));
        assert!(!SockRef::from(&socket).keepalive().unwrap());
    }

    #[tokio::test]
    async fn an_accepted_socket_is_kept_alive_too() {
        let (socket, _peer) = accepted().await;
        OPTIONS.apply_at_accept(&socket);
        check(&SockRef::from(&socket));
        let socket = SockRef::from(&socket);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEP_ALIVE_TIME);
            let interval = socket.tcp_keepalive_interval().unwrap();
            assert_eq!(interval, KEEP_ALIVE_INTERVAL);
        }
    }
}
