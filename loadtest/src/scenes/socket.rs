//! One scripted socket: it connects, sends what the script says, and reports what it receives.

use crate::base::target::Target;
use crate::sockets::link::{self, SharedTls, sealed};
use crate::wire::client_frame;
use crate::wire::handshake;
use crate::wire::lean_reader::LeanReader;
use crate::wire::server_frame::{FrameError, ServerFrame};
use std::io;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// The close code of a connection that ended without a Close frame.
pub(super) const NO_CODE: u16 = 1006;
const MAX_HEAD: usize = 16 * 1024;

/// The writing side. Dropping both sides closes the connection.
pub(super) struct Socket {
    write: OwnedWriteHalf,
    tls: SharedTls,
}

impl Socket {
    /// Sends a command. What the kernel does not take at once is an error: a scripted socket sends little.
    pub(super) fn send(&self, text: &str) -> io::Result<()> {
        self.send_frame(client_frame::TEXT, text.as_bytes())
    }

    fn send_frame(&self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(payload.len() + 14);
        client_frame::encode(&mut frame, opcode, payload, 0x5EED);
        let frame = sealed(&self.tls, frame)?;
        match self.write.try_write(&frame)? {
            written if written == frame.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }
}

/// The reading side.
pub(super) struct Incoming {
    read: OwnedReadHalf,
    socket: Rc<Socket>,
    frames: LeanReader,
    unread: Vec<u8>,
}

/// Connects and upgrades.
///
/// # Errors
/// What failed, in words.
pub(super) async fn open(
    target: &Target,
    path: &str,
    headers: &str,
    nonce: u128,
) -> Result<(Rc<Socket>, Incoming), String> {
    let mut stream = TcpStream::connect(target.addr)
        .await
        .map_err(|error| format!("connect: {}", error.kind()))?;
    let upgrade = |error: io::Error| format!("upgrade: {}", error.kind());
    stream.set_nodelay(true).map_err(upgrade)?;
    let tls = match &target.tls {
        Some(client) => link::handshake(&mut stream, client)
            .await
            .map_err(upgrade)?,
        None => None,
    };
    let request = sealed(&tls, handshake::request(&target.host, path, headers, nonce));
    stream
        .write_all(&request.map_err(upgrade)?)
        .await
        .map_err(upgrade)?;
    let (mut response, mut bytes) = (Vec::new(), Vec::with_capacity(1024));
    let length = loop {
        bytes.clear();
        if stream.read_buf(&mut bytes).await.map_err(upgrade)? == 0 || response.len() > MAX_HEAD {
            return Err(upgrade(io::ErrorKind::UnexpectedEof.into()));
        }
        link::open(&tls, &bytes, &mut response).map_err(upgrade)?;
        match handshake::response(&response, nonce) {
            Ok(Some(length)) => break length,
            Ok(None) => {}
            Err(error) => return Err(format!("upgrade: {error}")),
        }
    };
    let (read, write) = stream.into_split();
    let socket = Rc::new(Socket { write, tls });
    let incoming = Incoming {
        read,
        socket: Rc::clone(&socket),
        frames: LeanReader::default(),
        unread: response.split_off(length),
    };
    Ok((socket, incoming))
}

impl Incoming {
    /// Reads until the connection ends, and calls `on_text` for each message. Returns the close code.
    pub(super) async fn run(mut self, mut on_text: impl FnMut(&[u8])) -> u16 {
        let mut bytes = Vec::with_capacity(16 * 1024);
        loop {
            let whole = [self.frames.tail(), &self.unread].concat();
            self.unread.clear();
            let (mut code, socket) = (None, &self.socket);
            let fed = self.frames.feed(&whole, |frame| {
                match frame {
                    ServerFrame::Text(text) => on_text(text),
                    // A pong that cannot be written ends the connection, which is then noticed here.
                    ServerFrame::Ping(payload) => {
                        let _ = socket.send_frame(client_frame::PONG, payload);
                    }
                    ServerFrame::Close(closed, _) => code = Some(closed),
                    _ => {}
                }
                Ok::<(), FrameError>(())
            });
            if let Some(code) = code {
                let _ = socket.send_frame(client_frame::CLOSE, &code.to_be_bytes());
                return code;
            }
            bytes.clear();
            let read = self.read.read_buf(&mut bytes).await;
            if fed.is_err() || !matches!(read, Ok(1..)) {
                return NO_CODE;
            }
            if link::open(&self.socket.tls, &bytes, &mut self.unread).is_err() {
                return NO_CODE;
            }
        }
    }
}
