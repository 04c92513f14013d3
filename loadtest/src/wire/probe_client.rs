//! A blocking WebSocket client, for checks that need a single connection.

use super::handshake;
use super::lean_reader::LeanReader;
use super::server_frame::{FrameError, ServerFrame};
use super::tcp_link::TcpLink;
use crate::base::target::Target;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// A connection after its opening handshake.
pub(crate) struct ProbeClient {
    stream: TcpLink,
    unread: Vec<u8>,
    frames: LeanReader,
    deadline: Instant,
}

impl ProbeClient {
    /// Connects, with these further header lines. `timeout` limits connecting, each write and, in total, all reads.
    pub(crate) fn connect(target: &Target, headers: &str, timeout: Duration) -> io::Result<Self> {
        let mut stream = TcpLink::connect(target, timeout)?;
        stream.write_all(&handshake::request(&target.host, &target.path, headers, 1))?;
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

    /// Starts the time limit of reads again.
    pub(crate) fn extend(&mut self, timeout: Duration) {
        self.deadline = Instant::now() + timeout;
    }

    /// Reads the frames that have arrived, without waiting.
    ///
    /// # Errors
    /// The connection has ended, or the server violates the protocol.
    pub(crate) fn read_available(
        &mut self,
        mut on_frame: impl FnMut(&ServerFrame<'_>),
    ) -> io::Result<()> {
        let mut chunk = [0; 16 * 1024];
        self.stream.socket().set_nonblocking(true)?;
        let ended = loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => break Some(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.unread.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break None,
                Err(error) => break Some(error),
            }
        };
        self.stream.socket().set_nonblocking(false)?;
        let whole = [self.frames.tail(), &self.unread].concat();
        self.unread.clear();
        let fed = self.frames.feed(&whole, |frame| {
            on_frame(&frame);
            Ok::<(), FrameError>(())
        });
        fed.map_err(io::Error::other)?;
        ended.map_or(Ok(()), Err)
    }

    /// Sends raw bytes. Encoding them as frames is up to the caller.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads frames until `find` returns something for one. It is called for every frame that has arrived.
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
                let new = find(&frame);
                found = found.take().or(new);
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

fn read_some(stream: &mut TcpLink, into: &mut Vec<u8>, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    stream.socket().set_read_timeout(Some(left))?;
    let mut chunk = [0; 4096];
    let read = stream.read(&mut chunk).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    });
    match read? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => {
            into.extend_from_slice(&chunk[..length]);
            Ok(())
        }
    }
}
