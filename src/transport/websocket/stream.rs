//! The byte stream of an upgraded request.

use std::fmt;
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

use super::read_tcp::poll_read_tcp;
use crate::transport::http_socket::HttpSocket;
use crate::transport::socket::shutdown_write;
use crate::wire::Frame;

/// A stream whose opening handshake is complete.
pub struct Stream(pub(super) Kind);

pub(super) enum Kind {
    /// A plain TCP socket, which its shard writes directly.
    Tcp(Arc<TcpStream>),
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
            Kind::Other(_) => "Stream(other)",
        })
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self(Kind::Tcp(Arc::new(stream)))
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
            Kind::Other(_) => None,
        }
    }

    /// Reads what is available, as long as no shard owns the stream.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Kind::Tcp(stream) => poll_read_tcp(stream, cx, buffer),
            Kind::Other(stream) => {
                let mut buffer = ReadBuf::new(buffer);
                ready!(stream.as_mut().poll_read(cx, &mut buffer))?;
                Poll::Ready(Ok(buffer.filled().len()))
            }
        }
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
                return Some(Self::from_parts(socket, &parts.read_buf));
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

    /// Copies the bytes read ahead. Sharing them, even if empty, would keep hyper's read buffer
    /// of 8 KiB alive.
    fn from_parts(socket: TcpStream, read_ahead: &[u8]) -> (Self, Bytes) {
        let read_ahead = Bytes::copy_from_slice(read_ahead);
        (Self::from(socket), read_ahead)
    }
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
