//! A blocking WebSocket client, for checks that need a single connection.

use super::handshake;
use super::lean_reader::LeanReader;
use super::server_frame::{FrameError, ServerFrame};
use crate::base::target::Target;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A connection after its opening handshake.
pub(crate) struct ProbeClient {
    stream: TcpStream,
    unread: Vec<u8>,
    frames: LeanReader,
    deadline: Instant,
}

impl ProbeClient {
    /// Connects. `timeout` limits connecting, each write and, in total, all reads.
    pub(crate) fn connect(target: &Target, timeout: Duration) -> io::Result<Self> {
        let mut stream = TcpStream::connect_timeout(&target.addr, timeout)?;
        stream.set_write_timeout(Some(timeout))?;
        stream.write_all(&handshake::request(&target.host, &target.path, 1))?;
        let deadline = Instant::now() + timeout;
        let mut head = Vec::new();
        let length = loop {
            if let Some(length) = handshake::response(&head, 1).map_err(io::Error::other)? {
                break length;
            }
            read_some(&mut stream, &mut head, deadline)?;
        };
        Ok(Self {
            stream,
            unread: head.split_off(length),
            frames: LeanReader::default(),
            deadline,
        })
    }

    /// Sends raw bytes. Encoding them as frames is up to the caller.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads frames until `find` returns something for one.
    ///
    /// # Errors
    /// The connection ends, the server violates the protocol, or the timeout expires first.
    pub(crate) fn find<T>(
        &mut self,
        mut find: impl FnMut(&ServerFrame<'_>) -> Option<T>,
    ) -> io::Result<T> {
        loop {
            let whole = [self.frames.tail(), &self.unread].concat();
            let mut found = None;
            let fed = self.frames.feed(&whole, |frame| {
                found = found.take().or_else(|| find(&frame));
                Ok::<(), FrameError>(())
            });
            fed.map_err(io::Error::other)?;
            self.unread.clear();
            if let Some(found) = found {
                return Ok(found);
            }
            read_some(&mut self.stream, &mut self.unread, self.deadline)?;
        }
    }
}

fn read_some(stream: &mut TcpStream, into: &mut Vec<u8>, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    stream.set_read_timeout(Some(left))?;
    let mut chunk = [0; 4096];
    match stream.read(&mut chunk)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => {
            into.extend_from_slice(&chunk[..length]);
            Ok(())
        }
    }
}
