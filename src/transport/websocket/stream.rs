//! The byte stream behind an upgraded request.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::transport::sse::Socket;
use crate::wire::Frame;

/// A stream on which the opening handshake is done.
pub struct Stream(pub(super) Kind);

pub(super) enum Kind {
    /// A plain TCP socket: its shard writes it directly.
    Tcp(Arc<TcpStream>),
    /// Anything else: a task of its own carries its bytes.
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
    /// Any other stream: TLS, HTTP/2, a pipe in memory.
    pub fn other(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        Self(Kind::Other(Box::pin(stream)))
    }

    /// The socket, where a plain one lies below.
    pub fn as_tcp(&self) -> Option<&TcpStream> {
        match &self.0 {
            Kind::Tcp(stream) => Some(stream),
            Kind::Other(_) => None,
        }
    }

    /// Writes a last frame and ends the stream.
    pub(super) async fn refuse(self, frame: &Frame) -> io::Result<()> {
        let mut bytes = Vec::new();
        frame.copy_to(&mut bytes);
        let mut stream: DynStream = match self.0 {
            Kind::Tcp(stream) => match Arc::into_inner(stream) {
                Some(stream) => Box::pin(stream),
                // Only one that is shared already, and then it is not refused.
                None => return Ok(()),
            },
            Kind::Other(stream) => stream,
        };
        stream.write_all(&bytes).await?;
        stream.shutdown().await
    }

    /// Finds the socket below an upgraded request, and the bytes that were read from it
    /// already. Works below this crate's listener and below `axum::serve`.
    pub(super) fn from_upgraded(upgraded: Upgraded) -> (Self, Bytes) {
        let upgraded = match upgraded.downcast::<TokioIo<Socket>>() {
            Ok(parts) => {
                return Self::from_parts(parts.io.into_inner().into_inner(), &parts.read_buf);
            }
            Err(upgraded) => upgraded,
        };
        let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => return Self::from_parts(parts.io.into_inner(), &parts.read_buf),
            Err(upgraded) => upgraded,
        };
        match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
            Ok(parts) => Self::from_parts(parts.io.into_inner(), &parts.read_buf),
            // Bytes read ahead stay inside the stream and come out of it first.
            Err(upgraded) => (Self::other(TokioIo::new(upgraded)), Bytes::new()),
        }
    }

    /// Copies what was read ahead: even empty, it would keep the 8 KiB of the HTTP
    /// connection's read buffer alive.
    fn from_parts(socket: TcpStream, read_ahead: &[u8]) -> (Self, Bytes) {
        let read_ahead = Bytes::copy_from_slice(read_ahead);
        (Self::from(socket), read_ahead)
    }
}
