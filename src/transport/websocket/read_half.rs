//! The read side of a connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf, ReadHalf as SplitReadHalf};
use tokio::net::TcpStream;

use super::stream::DynStream;

/// Where a connection's bytes come from.
pub(super) enum ReadHalf {
    Tcp(Arc<TcpStream>),
    Other(SplitReadHalf<DynStream>),
}

impl ReadHalf {
    /// Reads what is available. Holds no buffer while nothing is. `Ok(0)` is the end of the
    /// stream.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => poll_read_tcp(stream, cx, buffer),
            Self::Other(stream) => {
                let mut buffer = ReadBuf::new(buffer);
                ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
                Poll::Ready(Ok(buffer.filled().len()))
            }
        }
    }
}

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
