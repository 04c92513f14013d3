//! Judges what arrives: keeps a worker's books and counts everything that is not as it should be.

use super::declared::Declared;
use super::held_position::HeldPosition;
use crate::books::book::Book;
use crate::books::tally::{PublisherTally, WorkerTally};
use crate::measure::connection_latency::ConnectionLatency;
use crate::sockets::run_state::RunState;
use crate::wire::client_frame;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use tokio::net::tcp::OwnedWriteHalf;

/// Where a socket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Subscriptions that are not yet confirmed; none before the upgrade.
    Opening(u32),
    /// All subscriptions are confirmed: it is owed every publication.
    Ready,
    /// Unsubscribings that are not yet confirmed; everything accepted before they were sent is still owed.
    Leaving(u32),
    /// It never became ready.
    Failed,
    /// It was ready and is gone.
    Closed,
}

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) status: Status,
    pub(super) writer: Option<OwnedWriteHalf>,
    /// What the socket did not take yet, at most [`UNSENT_BYTES`] and the rest of one frame.
    pub(super) unsent: Vec<u8>,
    /// Was ready before: a return is no new socket.
    pub(super) known: bool,
    /// When the tester dropped it, until it is ready again.
    pub(super) dropped_ns: Option<u64>,
    /// The last number of each of its streams that is owed to a socket that is leaving.
    pub(super) expected: Box<[u64]>,
}

impl Socket {
    fn new() -> Self {
        Self {
            status: Status::Opening(0),
            writer: None,
            unsent: Vec::new(),
            known: false,
            dropped_ns: None,
            expected: Box::default(),
        }
    }
}

/// Belongs to one worker. Sockets are `local` indices: socket `local` of worker `w` is `conn = local * workers + w`.
pub(crate) struct Auditor {
    pub(super) state: Arc<RunState>,
    pub(super) worker: u32,
    pub(super) sockets: Vec<Socket>,
    /// By socket, subscription and publisher of the channel.
    pub(super) books: Vec<Book>,
    /// By socket and subscription, in runs with positions.
    pub(super) held_positions: Vec<Option<HeldPosition>>,
    pub(super) declared: Declared,
    /// By socket.
    pub(super) connection_latencies: Vec<ConnectionLatency>,
    /// Since the last report.
    pub(crate) tally: WorkerTally,
    /// What its members of rooms said since the last report.
    pub(crate) room_tally: PublisherTally,
    /// The tester itself is closing its sockets: a close is no failure any more.
    pub(super) closing: bool,
    /// When, to whom and with what payload a ping is still to be answered.
    pub(super) late_pongs: VecDeque<(u64, usize, Vec<u8>)>,
    /// Sockets with unsent bytes.
    stalled: Vec<usize>,
    mask: u32,
    out: Vec<u8>,
}

/// What may wait for a socket that takes no more: only a server that does not read lets that happen.
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
            stalled: Vec::new(),
            closing: false,
            mask: plan.run | 1,
            out: Vec::new(),
            state,
            worker,
        }
    }

    /// Sockets of this worker.
    pub(crate) fn sockets(&self) -> usize {
        self.sockets.len()
    }

    /// The run-wide index of a socket.
    pub(crate) fn conn(&self, local: usize) -> u32 {
        local as u32 * self.state.workers + self.worker
    }

    /// Where a socket stands.
    pub(crate) fn status(&self, local: usize) -> Status {
        self.sockets[local].status
    }

    /// Whether the tester is closing its sockets.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Answers the pings whose time has come.
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

    /// Sends one frame, or what the socket takes of it; the rest goes with [`flush`](Self::flush). Returns whether the frame
    /// goes out if the server reads on: not when there is no socket, it is broken, or too much waits already.
    pub(super) fn write(&mut self, local: usize, opcode: u8, payload: &[u8]) -> bool {
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
            self.stalled.push(local);
        }
        true
    }

    /// Tries again to send what sockets did not take.
    pub(crate) fn flush(&mut self) {
        let sockets = &mut self.sockets;
        self.stalled.retain(|&local| {
            let socket = &mut sockets[local];
            match &socket.writer {
                // A broken socket is noticed by its reader.
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
