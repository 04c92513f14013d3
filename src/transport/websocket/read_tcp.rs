//! Reads from a socket that its shard shares.

use std::io;
use std::task::{Context, Poll, ready};

use tokio::net::TcpStream;

/// Reads what is available. Holds no buffer while nothing is. `Ok(0)` is the end of the stream.
pub(super) fn poll_read_tcp(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_read_ready(cx))?;
        match stream.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result),
        }
    }
}
