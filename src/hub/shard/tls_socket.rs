//! A TCP socket with TLS, shared by the task that reads it and the shard that writes it.
//!
//! Only the writer writes to the socket. What TLS has to say because of something that was read, such
//! as an alert, is made by the reader in its place in the order of records, and waits until the
//! writer writes it. The lock is held for the length of one system call at most.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::task::{Context, Poll, Waker, ready};

use parking_lot::Mutex;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::wire::tls::{MAX_PLAINTEXT, MAX_UNPROCESSED, Records, TlsEnd};

/// Maximum number of bytes that are received at once.
const MAX_READ: usize = 64 * 1024;
/// Reads that bring no whole record before other tasks get a turn.
const READS_PER_TURN: usize = 4;

thread_local! {
    /// Where received bytes are decrypted.
    static RECEIVED: RefCell<Box<[u8]>> = RefCell::new(vec![0; MAX_UNPROCESSED + MAX_READ].into());
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Memory of a worker thread in which records are made.
#[derive(Default)]
struct Scratch {
    plaintext: Vec<u8>,
    record: Vec<u8>,
}

/// A TCP socket with TLS.
#[derive(Debug)]
pub struct TlsSocket {
    stream: TcpStream,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    records: Records,
    /// Tells the shard that it has to write what is pending.
    writer: Option<Waker>,
    /// Whether the write side ends when nothing is pending.
    is_ending: bool,
}

/// What one read has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Decrypted bytes.
    pub count: usize,
    /// Whether as many bytes were received as were allowed, so that there is probably more.
    pub is_full: bool,
}

impl TlsSocket {
    /// A socket with the state of its handshake.
    pub fn new(stream: TcpStream, records: Records) -> Self {
        let state = State {
            records,
            writer: None,
            is_ending: false,
        };
        Self {
            stream,
            state: Mutex::new(state),
        }
    }

    /// The parts again.
    pub fn into_parts(self) -> (TcpStream, Records) {
        (self.stream, self.state.into_inner().records)
    }

    /// The socket underneath. Nothing may be written to it.
    pub fn tcp(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether the handshake is not complete.
    pub fn is_handshaking(&self) -> bool {
        self.state.lock().records.is_handshaking()
    }

    /// Whether something was received that was not read.
    pub fn has_input(&self) -> bool {
        self.state.lock().records.has_input()
    }

    /// Whether something was encrypted that the socket has not accepted.
    pub fn is_pending(&self) -> bool {
        !self.state.lock().records.pending().is_empty()
    }

    /// From now on, `writer` is woken when something is pending that it does not know of.
    pub(super) fn set_writer(&self, writer: Waker) {
        let mut state = self.state.lock();
        state.writer = Some(writer);
        if !state.records.pending().is_empty() {
            state.wake_writer();
        }
    }

    /// Encrypts up to 16 KiB of the slices as one record and writes it. Bytes that were encrypted
    /// count as written: what the socket does not accept is kept, and the writer is woken to
    /// [flush](Self::try_flush) it.
    ///
    /// Errors: [`WouldBlock`](io::ErrorKind::WouldBlock) if the socket accepts no bytes or a record
    /// is still kept. Others are final.
    pub fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // Nothing is encrypted for a socket that is known to accept nothing.
        self.stream.try_io(Interest::WRITABLE, || Ok(()))?;
        let mut state = self.state.lock();
        self.write_pending(&mut state)?;
        SCRATCH.with_borrow_mut(|Scratch { plaintext, record }| {
            let plaintext: &[u8] = match slices {
                [one] => &one[..one.len().min(MAX_PLAINTEXT)],
                several => {
                    gather(several, plaintext);
                    plaintext
                }
            };
            record.clear();
            state.records.encrypt(plaintext, record).map_err(failed)?;
            let accepted = match self.stream.try_write(record) {
                Ok(count) => count,
                Err(error) if is_temporary(error.kind()) => 0,
                Err(error) => return Err(error),
            };
            if accepted < record.len() {
                state.records.keep(&record[accepted..]);
                self.write_or_wake(&mut state)?;
            }
            Ok(plaintext.len())
        })
    }

    /// Writes what is kept. Complete if nothing is.
    ///
    /// Errors: those of [`try_write`](Self::try_write).
    pub fn try_flush(&self) -> io::Result<()> {
        self.write_pending(&mut self.state.lock())
    }

    /// Ready when the socket may accept bytes.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_write_ready(cx)
    }

    /// Ends the session, and then the write side of the socket; the read side stays open. Does not
    /// wait for a socket that accepts no bytes: see [`try_flush`](Self::try_flush).
    pub fn shutdown_write(&self) {
        let mut state = self.state.lock();
        state.records.close();
        state.is_ending = true;
        // An error means that the peer is gone.
        let _ = self.write_or_wake(&mut state);
    }

    /// Ends the session, as far as the socket accepts that now.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.writer = None;
        state.records.close();
        // Best effort: the peer may be gone.
        let _ = self.write_pending(&mut state);
    }

    /// Writes what is kept. If that is not all, the writer is woken: it finds the socket blocked, and
    /// waits for it as for any other.
    fn write_or_wake(&self, state: &mut State) -> io::Result<()> {
        match self.write_pending(state) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                state.wake_writer();
                Ok(())
            }
            result => result,
        }
    }

    fn write_pending(&self, state: &mut State) -> io::Result<()> {
        while !state.records.pending().is_empty() {
            match self.stream.try_write(state.records.pending()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => state.records.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if state.is_ending {
            state.is_ending = false;
            // Fails only if the peer is already gone.
            let _ = SockRef::from(&self.stream).shutdown(Shutdown::Write);
        }
        Ok(())
    }

    /// Receives at most `limit` bytes, and decrypts them together with what was received before. It
    /// may bring more than `limit`: the beginning of the record came earlier. What has no room in
    /// `out` is returned first by the next call.
    ///
    /// Errors: the stream has ended, whether the peer has ended the session before or not.
    pub fn poll_read(
        &self,
        cx: &mut Context<'_>,
        out: &mut [u8],
        limit: usize,
    ) -> Poll<io::Result<Received>> {
        for _ in 0..READS_PER_TURN {
            match self.take_plaintext(out, limit) {
                Ok(Received { count: 0, .. }) => {}
                result => return Poll::Ready(result),
            }
            ready!(self.stream.poll_read_ready(cx))?;
            match self.receive(out, limit) {
                // The rest of the record has not arrived.
                Ok(Received {
                    count: 0,
                    is_full: false,
                }) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn take_plaintext(&self, out: &mut [u8], limit: usize) -> io::Result<Received> {
        let mut state = self.state.lock();
        let room = limit.min(out.len());
        let count = state.records.take_plaintext(&mut out[..room]);
        match state.records.end() {
            Some(end) if count == 0 => Err(failed(end.clone())),
            _ => Ok(Received {
                count,
                is_full: count == room,
            }),
        }
    }

    /// Reads once from the socket, without waiting.
    pub fn receive(&self, out: &mut [u8], limit: usize) -> io::Result<Received> {
        RECEIVED.with_borrow_mut(|received| {
            let begun = {
                let state = self.state.lock();
                let unprocessed = state.records.unprocessed();
                received[..unprocessed.len()].copy_from_slice(unprocessed);
                unprocessed.len()
            };
            // Nobody else reads, so these bytes are still the unprocessed ones below.
            let limit = limit.min(received.len() - begun);
            let count = self.stream.try_read(&mut received[begun..begun + limit])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut state = self.state.lock();
            let pending = state.records.pending().len();
            let decrypted = state.records.decrypt(&mut received[..begun + count], out);
            if state.records.pending().len() > pending {
                state.wake_writer();
            }
            drop(state);
            let is_full = count == limit;
            let count = decrypted.map_err(failed)?;
            Ok(Received { count, is_full })
        })
    }
}

impl State {
    fn wake_writer(&self) {
        if let Some(writer) = &self.writer {
            writer.wake_by_ref();
        }
    }
}

/// Copies the slices one behind another, as much as one record carries.
fn gather(slices: &[IoSlice<'_>], plaintext: &mut Vec<u8>) {
    plaintext.clear();
    for slice in slices {
        let room = MAX_PLAINTEXT - plaintext.len();
        plaintext.extend_from_slice(&slice[..slice.len().min(room)]);
    }
}

fn failed(end: TlsEnd) -> io::Error {
    let kind = match end {
        TlsEnd::Closed => io::ErrorKind::UnexpectedEof,
        TlsEnd::Failed(_) => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, end)
}

fn is_temporary(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
