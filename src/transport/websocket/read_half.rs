//! The read side of a connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf, ReadHalf as SplitReadHalf, WriteHalf, join, sink};
use tokio::net::TcpStream;

use super::read_tcp::poll_read_tcp;
use super::stream::{DynStream, Kind, Stream};

/// Where a connection's bytes come from.
pub(super) enum ReadHalf {
    Tcp(Arc<TcpStream>),
    Other(SplitReadHalf<DynStream>),
}

impl ReadHalf {
    /// The whole stream again, with its write side if that is separate.
    pub(super) fn reunite(self, write_half: Option<WriteHalf<DynStream>>) -> Stream {
        Stream(match (self, write_half) {
            (Self::Tcp(stream), _) => Kind::Tcp(stream),
            (Self::Other(read_half), Some(write_half)) => {
                Kind::Other(read_half.unsplit(write_half))
            }
            // Cannot happen: both come from one stream.
            (Self::Other(read_half), None) => Kind::Other(Box::pin(join(read_half, sink()))),
        })
    }

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
