//! The state of an auditor, and how it writes to its sockets.

use super::declared::Declared;
use super::held_position::HeldPosition;
use crate::books::book::Book;
use crate::books::tally::{PublisherTally, WorkerTally};
use crate::dialect::hub_dialect::Dialect;
use crate::measure::connection_latency::ConnectionLatency;
use crate::sockets::link::{self, SharedTls};
use crate::sockets::run_state::RunState;
use crate::wire::client_frame;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use tokio::net::tcp::OwnedWriteHalf;

/// The state of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It is being opened. The number of subscriptions that are not confirmed yet; 0 before the upgrade.
    Opening(u32),
    /// All subscriptions are confirmed, so every publication is expected.
    Ready,
    /// It is unsubscribing. The number of replies still to come. Everything accepted before the commands were sent is still
    /// expected.
    Leaving(u32),
    /// It never became ready.
    Failed,
    /// It was ready and has ended.
    Closed,
}

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) status: Status,
    pub(super) writer: Option<OwnedWriteHalf>,
    pub(super) tls: SharedTls,
    /// Bytes that the socket has not accepted yet: at most [`UNSENT_BYTES`] and one frame.
    pub(super) unsent: Vec<u8>,
    /// The beginning of a message that is not complete yet; only with some dialects.
    pub(super) carry: Vec<u8>,
    /// It was ready before, so it is not counted as opened again.
    pub(super) known: bool,
    /// When the tester dropped it; `None` once it is ready again.
    pub(super) dropped_ns: Option<u64>,
    /// While it is leaving: the last expected number of each of its streams.
    pub(super) expected: Box<[u64]>,
}

impl Socket {
    fn new() -> Self {
        Self {
            status: Status::Opening(0),
            writer: None,
            tls: None,
            unsent: Vec::new(),
            carry: Vec::new(),
            known: false,
            dropped_ns: None,
            expected: Box::default(),
        }
    }
}

/// Audits the sockets of one worker. The worker numbers them from 0 (`local`); socket `local` of worker `w` is
/// `conn = local * workers + w` in the run.
pub(crate) struct Auditor {
    pub(super) state: Arc<RunState>,
    pub(super) worker: u32,
    pub(super) sockets: Vec<Socket>,
    /// By socket, then subscription, then publisher of the channel.
    pub(super) books: Vec<Book>,
    /// By socket, then subscription. Empty in runs without positions.
    pub(super) held_positions: Vec<Option<HeldPosition>>,
    pub(super) declared: Declared,
    /// By socket.
    pub(super) connection_latencies: Vec<ConnectionLatency>,
    /// Counts since the last report.
    pub(crate) tally: WorkerTally,
    /// Counts of the messages that its sockets published to rooms since the last report.
    pub(crate) room_tally: PublisherTally,
    /// The tester is closing its sockets, so a close is not a failure any more.
    pub(super) closing: bool,
    /// Pings that are to be answered late: when, on which socket, and their payload.
    pub(super) late_pongs: VecDeque<(u64, usize, Vec<u8>)>,
    /// Sockets with unsent bytes.
    with_unsent: Vec<usize>,
    mask: u32,
    out: Vec<u8>,
}

/// How many bytes may wait for a socket that accepts no more, which happens only if the server does not read.
const UNSENT_BYTES: usize = 256 * 1024;

impl Auditor {
    pub(crate) fn new(state: Arc<RunState>, worker: u32) -> Self {
        let plan = &state.plan;
        let sockets = (worker..plan.connections)
            .step_by(state.workers as usize)
            .count();
        let books_per_socket = plan.subs_per_conn * plan.publishers_per_channel();
        Self {
            sockets: (0..sockets).map(|_| Socket::new()).collect(),
            late_pongs: VecDeque::new(),
            held_positions: vec![
                None;
                if plan.positions {
                    sockets * plan.subs_per_conn as usize
                } else {
                    0
                }
            ],
            declared: Declared::default(),
            connection_latencies: vec![ConnectionLatency::default(); sockets],
            books: vec![Book::default(); sockets * books_per_socket as usize],
            tally: WorkerTally::default(),
            room_tally: PublisherTally::default(),
            with_unsent: Vec::new(),
            closing: false,
            mask: plan.run | 1,
            out: Vec::new(),
            state,
            worker,
        }
    }

    /// Number of sockets of this worker.
    pub(crate) fn sockets(&self) -> usize {
        self.sockets.len()
    }

    /// The index of a socket in the run.
    pub(crate) fn conn(&self, local: usize) -> u32 {
        local as u32 * self.state.workers + self.worker
    }

    /// The state of a socket.
    pub(crate) fn status(&self, local: usize) -> Status {
        self.sockets[local].status
    }

    /// The TLS state of a socket.
    pub(crate) fn tls(&self, local: usize) -> SharedTls {
        self.sockets[local].tls.clone()
    }

    /// Whether the tester is closing its sockets.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Answers the late pings that are due.
    pub(crate) fn answer_late_pings(&mut self) {
        let now_ns = self.state.clock.now_ns();
        while self
            .late_pongs
            .front()
            .is_some_and(|(due_ns, ..)| *due_ns <= now_ns)
        {
            if let Some((_, local, payload)) = self.late_pongs.pop_front() {
                self.write(local, client_frame::PONG, &payload);
            }
        }
    }

    /// Sends a frame. What the socket does not accept is kept for [`flush`](Self::flush). Returns `false` if the frame is
    /// discarded: the socket is closed or broken, or too many bytes are waiting already.
    pub(super) fn write(&mut self, local: usize, opcode: u8, payload: &[u8]) -> bool {
        if self
            .state
            .dialect
            .as_ref()
            .is_some_and(Dialect::is_event_stream)
        {
            return false;
        }
        let socket = &mut self.sockets[local];
        let Some(writer) = &socket.writer else {
            return false;
        };
        if socket.unsent.len() > UNSENT_BYTES {
            return false;
        }
        self.mask = self.mask.wrapping_mul(0x9E37_79B1).wrapping_add(1);
        self.out.clear();
        client_frame::encode(&mut self.out, opcode, payload, self.mask);
        if socket.tls.is_some() {
            let Ok(sealed) = link::sealed(&socket.tls, std::mem::take(&mut self.out)) else {
                return false;
            };
            self.out = sealed;
        }
        if !socket.unsent.is_empty() {
            socket.unsent.extend_from_slice(&self.out);
            return true;
        }
        let written = match writer.try_write(&self.out) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => return false,
        };
        if written < self.out.len() {
            socket.unsent.extend_from_slice(&self.out[written..]);
            self.with_unsent.push(local);
        }
        true
    }

    /// Tries again to send the bytes that sockets have not accepted.
    pub(crate) fn flush(&mut self) {
        let sockets = &mut self.sockets;
        self.with_unsent.retain(|&local| {
            let socket = &mut sockets[local];
            match &socket.writer {
                // If it is broken, its reader notices.
                Some(writer) => {
                    if let Ok(written) = writer.try_write(&socket.unsent) {
                        socket.unsent.drain(..written);
                    }
                }
                None => socket.unsent.clear(),
            }
            !socket.unsent.is_empty()
        });
    }
}
