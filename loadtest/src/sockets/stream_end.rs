//! How a socket that is not being read notices that the server has ended it, and why.

use super::close_cause::CloseCause;
use super::link::{self, SharedTls};
use std::io;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How much of the end is kept: enough for the longest Close frame.
const KEPT: usize = 256;

/// Whether the server has ended the stream, even if there are unread bytes before the end.
pub(super) async fn has_ended(stream: &TcpStream) -> bool {
    let ready = timeout(
        Duration::from_millis(1),
        stream.ready(Interest::READABLE | Interest::ERROR),
    );
    match ready.await {
        Ok(Ok(ready)) => ready.is_read_closed() || ready.is_error(),
        Ok(Err(_)) => true,
        Err(_) => false,
    }
}

/// The end of a stream whose messages are discarded.
pub(super) struct StreamEnd {
    tls: SharedTls,
    /// At most the last [`KEPT`] bytes, decrypted.
    last: Vec<u8>,
}

impl StreamEnd {
    pub(super) fn new(tls: SharedTls) -> Self {
        Self {
            tls,
            last: Vec::new(),
        }
    }

    /// Takes bytes as they were received. With TLS it needs all of them, in order.
    ///
    /// # Errors
    /// They cannot be decrypted.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let result = link::open(&self.tls, bytes, &mut self.last);
        let old = self.last.len().saturating_sub(KEPT);
        self.last.drain(..old);
        result
    }

    /// Reads the rest of the stream and looks for a Close frame at its very end. Earlier frames may already have been
    /// discarded in part, so only the end can be decoded.
    pub(super) fn read_to_close(mut self, stream: &TcpStream) -> CloseCause {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let pushed = match stream.try_read(&mut chunk) {
                Ok(0) => return close_at_end(&self.last),
                Ok(length) => self.push(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return close_at_end(&self.last);
                }
                Err(error) => Err(error),
            };
            // Bytes that arrived before a reset can still be read.
            if let Err(error) = pushed {
                return match close_at_end(&self.last) {
                    CloseCause::EndOfStream => CloseCause::Io(error.kind()),
                    code => code,
                };
            }
        }
    }
}

/// The Close frame at the end of `bytes`, if there is one.
fn close_at_end(bytes: &[u8]) -> CloseCause {
    (0..bytes.len())
        .rev()
        .filter(|&at| bytes[at] == 0x88)
        .find_map(|at| {
            let payload = bytes.get(at + 2..)?;
            let length = usize::from(*bytes.get(at + 1)?);
            let code: [u8; 2] = payload.get(..2)?.try_into().ok()?;
            (length == payload.len() && length <= 125).then(|| {
                CloseCause::Code(
                    u16::from_be_bytes(code),
                    String::from_utf8_lossy(&payload[2..]).into_owned(),
                )
            })
        })
        .unwrap_or(CloseCause::EndOfStream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_close_frame_after_half_a_message() {
        let bytes = b"rest of a message\x88\x06\x03\xf5slow";
        assert!(matches!(close_at_end(bytes), CloseCause::Code(1013, reason) if reason == "slow"));
        assert!(matches!(
            close_at_end(b"\x81\x02hi"),
            CloseCause::EndOfStream
        ));
    }
}
