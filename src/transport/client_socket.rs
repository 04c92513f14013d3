//! The socket of a client, plain or with TLS, while no shard writes it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::hub::{Received, TlsSocket};

/// Reads that bring no whole record before other tasks get a turn.
const EMPTY_READS: usize = 4;

/// The socket of a client.
#[derive(Debug)]
pub enum ClientSocket {
    /// Without TLS.
    Tcp(TcpStream),
    /// With TLS, after the handshake.
    Tls(Arc<TlsSocket>),
}

/// Its read side.
#[derive(Debug)]
pub(super) enum SocketReader {
    Tcp(OwnedReadHalf),
    Tls(Arc<TlsSocket>),
}

/// Its write side.
#[derive(Debug)]
pub(super) enum SocketWriter {
    Tcp(OwnedWriteHalf),
    Tls(Arc<TlsSocket>),
}

impl From<TcpStream> for ClientSocket {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl ClientSocket {
    /// The TCP socket, to set its options. Nothing may be read from it or written to it.
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(stream) => stream,
            Self::Tls(socket) => socket.tcp(),
        }
    }

    /// Whether it speaks TLS.
    pub fn has_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    pub(super) fn into_split(self) -> (SocketReader, SocketWriter) {
        match self {
            Self::Tcp(stream) => {
                let (read_half, write_half) = stream.into_split();
                (SocketReader::Tcp(read_half), SocketWriter::Tcp(write_half))
            }
            Self::Tls(socket) => (SocketReader::Tls(socket.clone()), SocketWriter::Tls(socket)),
        }
    }

    /// The socket of two halves. `None` if they are not of one socket.
    pub(super) fn reunite(reader: SocketReader, writer: SocketWriter) -> Option<Self> {
        match (reader, writer) {
            (SocketReader::Tcp(reader), SocketWriter::Tcp(writer)) => {
                reader.reunite(writer).ok().map(Self::Tcp)
            }
            (SocketReader::Tls(socket), SocketWriter::Tls(_)) => Some(Self::Tls(socket)),
            _ => None,
        }
    }

    /// Writes what the socket accepts now.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Tls(socket) => socket.try_write(&[IoSlice::new(bytes)]),
        }
    }

    /// Writes some bytes. With TLS, they may be kept until [`poll_flush`](Self::poll_flush).
    pub(super) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => loop {
                ready!(stream.poll_write_ready(cx))?;
                match stream.try_write(bytes) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return Poll::Ready(result),
                }
            },
            Self::Tls(socket) => poll_write_tls(socket, cx, &[IoSlice::new(bytes)]),
        }
    }

    /// Completes when everything that was written has reached the socket.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Tls(socket) => poll_flush_tls(socket, cx),
        }
    }

    /// Reads what has arrived. `Ok(0)` is the end of the stream.
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => poll_read_tcp(stream, cx, buffer),
            Self::Tls(socket) => poll_read_tls(socket, cx, buffer),
        }
    }

    /// Discards what has arrived, without decrypting it. `Ok(0)` is the end of the stream.
    pub fn poll_discard(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        poll_read_tcp(self.tcp(), cx, buffer)
    }

    /// Whether the peer has sent something that was not read.
    pub fn poll_has_input(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let (mut byte, is_held) = (
            [0],
            match self {
                Self::Tcp(_) => false,
                Self::Tls(socket) => socket.has_input(),
            },
        );
        if is_held {
            return Poll::Ready(true);
        }
        let peeked = self.tcp().poll_peek(cx, &mut ReadBuf::new(&mut byte));
        peeked.map(|peeked| peeked.is_ok_and(|count| count > 0))
    }

    /// To be called before it is dropped in an orderly way: with TLS, the peer is told that nothing
    /// more follows, as far as its socket accepts that now.
    pub fn end(&self) {
        if let Self::Tls(socket) = self {
            socket.close();
        }
    }

    /// Ends the write side. It does not wait for a peer that accepts nothing.
    ///
    /// Errors: the peer is gone.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown().await,
            Self::Tls(socket) => {
                socket.shutdown_write();
                match socket.try_flush() {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
                    result => result,
                }
            }
        }
    }
}

/// Reads what is available from a socket that others share. Holds no buffer while nothing is. `Ok(0)`
/// is the end of the stream.
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

/// The same with TLS. A stream that ends without `close_notify` has ended too: what is spoken inside
/// knows whether it is complete.
fn poll_read_tls(
    socket: &TlsSocket,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let limit = buffer.len();
    for _ in 0..EMPTY_READS {
        match ready!(socket.poll_read(cx, buffer, limit)) {
            // A part of a record.
            Ok(Received { count: 0, .. }) => {}
            Ok(Received { count, .. }) => return Poll::Ready(Ok(count)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Poll::Ready(Ok(0));
            }
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

fn poll_write_tls(
    socket: &TlsSocket,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    loop {
        match socket.try_write(slices) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(socket.poll_write_ready(cx))?;
            }
            result => return Poll::Ready(result),
        }
    }
}

fn poll_flush_tls(socket: &TlsSocket, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    loop {
        match socket.try_flush() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(socket.poll_write_ready(cx))?;
            }
            result => return Poll::Ready(result),
        }
    }
}

impl AsyncRead for SocketReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_read(cx, buffer),
            Self::Tls(socket) => {
                let count = ready!(poll_read_tls(socket, cx, buffer.initialize_unfilled()))?;
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl SocketWriter {
    /// See [`ClientSocket::end`].
    pub(super) fn end(&self) {
        if let Self::Tls(socket) = self {
            socket.close();
        }
    }

    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(half) => half.as_ref(),
            Self::Tls(socket) => socket.tcp(),
        }
    }

    pub(super) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(half) => Pin::new(half).poll_write_vectored(cx, slices),
            Self::Tls(socket) => poll_write_tls(socket, cx, slices),
        }
    }

    /// Whether something that was written has not reached the socket.
    pub(super) fn is_pending(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
            Self::Tls(socket) => socket.is_pending(),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Tls(socket) => poll_flush_tls(socket, cx),
        }
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(half) => Pin::new(half).poll_shutdown(cx),
            Self::Tls(socket) => {
                socket.shutdown_write();
                poll_flush_tls(socket, cx)
            }
        }
    }
}
