//! The byte stream of an upgraded request.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

use crate::hub::{Received, TlsSocket};
use crate::transport::client_socket::{ClientSocket, poll_read_tcp};
use crate::transport::http_socket::HttpSocket;
use crate::transport::socket::shutdown_write;
use crate::wire::Frame;

/// A stream whose opening handshake is complete.
pub struct Stream(pub(super) Kind);

pub(super) enum Kind {
    /// A plain TCP socket, which its shard writes directly.
    Tcp(Arc<TcpStream>),
    /// A socket of this crate's own listener with TLS, which its shard writes directly too.
    Tls(Arc<TlsSocket>),
    /// Any other stream, which a task of its own writes.
    Other(DynStream),
}

pub(super) type DynStream = Pin<Box<dyn ReadWrite>>;

pub(super) trait ReadWrite: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> ReadWrite for T {}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Tcp(_) => "Stream(TCP)",
            Kind::Tls(_) => "Stream(TLS)",
            Kind::Other(_) => "Stream(other)",
        })
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self(Kind::Tcp(Arc::new(stream)))
    }
}

impl From<ClientSocket> for Stream {
    fn from(socket: ClientSocket) -> Self {
        match socket {
            ClientSocket::Tcp(stream) => stream.into(),
            ClientSocket::Tls(socket) => Self(Kind::Tls(socket)),
        }
    }
}

impl Stream {
    /// Wraps any other stream, such as TLS, HTTP/2 or an in-memory pipe.
    pub fn other(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        Self(Kind::Other(Box::pin(stream)))
    }

    /// The socket, if this is a plain TCP socket.
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        match &self.0 {
            Kind::Tcp(stream) => Some(stream),
            Kind::Tls(_) | Kind::Other(_) => None,
        }
    }

    /// The TCP socket, with TLS too, to set its options.
    pub(super) fn tcp(&self) -> Option<&TcpStream> {
        match &self.0 {
            Kind::Tcp(stream) => Some(stream),
            Kind::Tls(socket) => Some(socket.tcp()),
            Kind::Other(_) => None,
        }
    }

    /// Receives at most `limit` bytes of what is available, as long as no shard owns the stream. With
    /// TLS, what they mean may be more: the beginning of the record came earlier.
    ///
    /// Errors: the stream has failed, or has ended.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        limit: usize,
    ) -> Poll<io::Result<Received>> {
        let count = match &mut self.0 {
            Kind::Tcp(stream) => ready!(poll_read_tcp(stream, cx, &mut buffer[..limit]))?,
            Kind::Tls(socket) => return socket.poll_read(cx, buffer, limit),
            Kind::Other(stream) => {
                let mut buffer = ReadBuf::new(&mut buffer[..limit]);
                ready!(stream.as_mut().poll_read(cx, &mut buffer))?;
                buffer.filled().len()
            }
        };
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        let is_full = count == limit;
        Poll::Ready(Ok(Received { count, is_full }))
    }

    /// Writes frames, as long as no shard owns the stream. Sets no deadline.
    ///
    /// Cancel safety: not cancel safe; a frame may be written in part.
    pub(super) async fn write(&mut self, frames: &[Frame]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for frame in frames {
            frame.copy_to(&mut bytes);
        }
        match &mut self.0 {
            Kind::Other(stream) => stream.write_all(&bytes).await,
            Kind::Tls(socket) => {
                let socket = ClientSocket::Tls(socket.clone());
                write_tls(&socket, &bytes).await
            }
            Kind::Tcp(stream) => {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    stream.writable().await?;
                    match stream.try_write(rest) {
                        Ok(count) => rest = &rest[count..],
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            }
        }
    }

    /// Writes the last frames, ends the stream, and discards what the peer sends until it ends the
    /// stream too: a socket closed with unread bytes is reset, and the frames might be lost.
    pub(super) async fn refuse(self, frames: &[Frame]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for frame in frames {
            frame.copy_to(&mut bytes);
        }
        let mut stream: DynStream = match self.0 {
            Kind::Tcp(stream) => match Arc::try_unwrap(stream) {
                Ok(stream) => Box::pin(stream),
                Err(shared) => return refuse_shared(&shared, &bytes).await,
            },
            Kind::Tls(socket) => return refuse_tls(ClientSocket::Tls(socket), &bytes).await,
            Kind::Other(stream) => stream,
        };
        stream.write_all(&bytes).await?;
        stream.shutdown().await?;
        let mut discarded = vec![0; 4096];
        while stream.read(&mut discarded).await? > 0 {}
        Ok(())
    }

    /// Extracts the socket of an upgraded request, and the bytes already read from it. Finds a
    /// plain socket under this crate's own listener and under `axum::serve`.
    pub(super) fn from_upgraded(upgraded: Upgraded) -> Option<(Self, Bytes)> {
        let upgraded = match upgraded.downcast::<TokioIo<HttpSocket>>() {
            Ok(parts) => {
                let socket = parts.io.into_inner().into_inner()?;
                // Sharing the bytes read ahead, even if there are none, would keep hyper's read
                // buffer of 8 KiB alive.
                return Some((socket.into(), Bytes::copy_from_slice(&parts.read_buf)));
            }
            Err(upgraded) => upgraded,
        };
        let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => return Some(Self::from_parts(parts.io.into_inner(), &parts.read_buf)),
            Err(upgraded) => upgraded,
        };
        Some(
            match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
                Ok(parts) => Self::from_parts(parts.io.into_inner(), &parts.read_buf),
                // Bytes read ahead stay inside the stream, which returns them first.
                Err(upgraded) => (Self::other(TokioIo::new(upgraded)), Bytes::new()),
            },
        )
    }

    /// Copies the bytes read ahead, which are in hyper's read buffer.
    fn from_parts(socket: TcpStream, read_ahead: &[u8]) -> (Self, Bytes) {
        let read_ahead = Bytes::copy_from_slice(read_ahead);
        (Self::from(socket), read_ahead)
    }
}

/// Writes all bytes, and waits until the socket has them.
async fn write_tls(socket: &ClientSocket, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = poll_fn(|cx| socket.poll_write(cx, rest)).await?;
        rest = &rest[count..];
    }
    poll_fn(|cx| socket.poll_flush(cx)).await
}

/// The same as [`Stream::refuse`] with TLS.
async fn refuse_tls(mut socket: ClientSocket, bytes: &[u8]) -> io::Result<()> {
    write_tls(&socket, bytes).await?;
    socket.shutdown().await?;
    let mut discarded = vec![0; 4096];
    while poll_fn(|cx| socket.poll_discard(cx, &mut discarded)).await? > 0 {}
    Ok(())
}

/// The same on a socket that its shard has not let go of yet. An empty send buffer takes so few bytes
/// at once.
async fn refuse_shared(stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.try_write(bytes)?;
    shutdown_write(stream)?;
    let mut discarded = vec![0; 4096];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut discarded) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
}
