//! The reading side of a connection, with or without TLS.

use crate::base::tls::{TlsClient, decrypt, encrypt};
use rustls::ClientConnection;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

/// The TLS state of a connection, which its reader and its writer share on one thread. `None` without TLS.
pub(crate) type SharedTls = Option<Rc<RefCell<ClientConnection>>>;

/// The reading side of a connection.
pub(crate) struct Link {
    pub(crate) read: OwnedReadHalf,
    pub(crate) tls: SharedTls,
}

/// Completes the TLS handshake.
pub(crate) async fn handshake(stream: &mut TcpStream, client: &TlsClient) -> io::Result<SharedTls> {
    let mut tls = client.connect()?;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        encrypt(&mut tls, b"", &mut bytes)?;
        stream.write_all(&bytes).await?;
        if !tls.is_handshaking() {
            return Ok(Some(Rc::new(RefCell::new(tls))));
        }
        bytes.clear();
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        decrypt(&mut tls, &bytes, &mut Vec::new())?;
    }
}

/// What to send for `bytes`.
pub(crate) fn sealed(tls: &SharedTls, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let Some(tls) = tls else {
        return Ok(bytes);
    };
    let mut out = Vec::with_capacity(bytes.len() + 64);
    encrypt(&mut tls.borrow_mut(), &bytes, &mut out)?;
    Ok(out)
}

/// Appends what the received `bytes` say to `out`.
pub(crate) fn open(tls: &SharedTls, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    match tls {
        None => out.extend_from_slice(bytes),
        Some(tls) => decrypt(&mut tls.borrow_mut(), bytes, out)?,
    }
    Ok(())
}
