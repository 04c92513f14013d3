//! The read side of a connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf, ReadHalf as SplitReadHalf, WriteHalf, join, sink};
use tokio::net::TcpStream;

use super::stream::{DynStream, Kind, Stream};
use crate::hub::{Received, TlsSocket};
use crate::transport::client_socket::poll_read_tcp;

/// Where a connection's bytes come from.
pub(super) enum ReadHalf {
    Tcp(Arc<TcpStream>),
    Tls(Arc<TlsSocket>),
    Other(SplitReadHalf<DynStream>),
}

impl ReadHalf {
    /// The whole stream again, with its write side if that is separate.
    pub(super) fn reunite(self, write_half: Option<WriteHalf<DynStream>>) -> Stream {
        Stream(match (self, write_half) {
            (Self::Tcp(stream), _) => Kind::Tcp(stream),
            (Self::Tls(socket), _) => Kind::Tls(socket),
            (Self::Other(read_half), Some(write_half)) => {
                Kind::Other(read_half.unsplit(write_half))
            }
            // Cannot happen: both come from one stream.
            (Self::Other(read_half), None) => Kind::Other(Box::pin(join(read_half, sink()))),
        })
    }

    /// Receives at most `limit` bytes of what is available. Holds no buffer while nothing is. With
    /// TLS, what they mean may be more: the beginning of the record came earlier.
    ///
    /// Errors: the stream has failed, or has ended.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        limit: usize,
    ) -> Poll<io::Result<Received>> {
        let count = match self {
            Self::Tcp(stream) => ready!(poll_read_tcp(stream, cx, &mut buffer[..limit]))?,
            Self::Tls(socket) => return socket.poll_read(cx, buffer, limit),
            Self::Other(stream) => {
                let mut buffer = ReadBuf::new(&mut buffer[..limit]);
                ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
                buffer.filled().len()
            }
        };
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        let is_full = count == limit;
        Poll::Ready(Ok(Received { count, is_full }))
    }

    /// Discards what is available, without decrypting it.
    ///
    /// Errors: the stream has failed, or has ended.
    pub(super) fn poll_discard(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<()>> {
        let limit = buffer.len();
        match self {
            Self::Tls(socket) => match ready!(poll_read_tcp(socket.tcp(), cx, buffer))? {
                0 => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                _ => Poll::Ready(Ok(())),
            },
            _ => self.poll_read(cx, buffer, limit).map_ok(drop),
        }
    }
}
