//! A blocking connection, with or without TLS.

use crate::base::target::Target;
use rustls::{ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A blocking connection.
#[derive(Debug)]
pub(crate) enum TcpLink {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl TcpLink {
    /// Connects. `timeout` limits that, and each write.
    pub(crate) fn connect(target: &Target, timeout: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&target.addr, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(timeout))?;
        // The handshake of TLS reads.
        stream.set_read_timeout(Some(timeout))?;
        Ok(match &target.tls {
            None => Self::Plain(stream),
            Some(client) => Self::Tls(Box::new(StreamOwned::new(client.connect()?, stream))),
        })
    }

    /// The socket, to set its options.
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for TcpLink {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for TcpLink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
