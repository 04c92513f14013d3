//! Judges what arrives: keeps a worker's books and counts everything that is not as it should be.

mod closing;
mod departure;
mod fate;

use crate::book::{Arrival, Book};
use crate::client_frame;
use crate::cohort::Role;
use crate::connection::CloseCause;
use crate::frame::Frame;
use crate::run_state::RunState;
use crate::scan::{self, Message, Stamp};
use crate::service::Service;
use crate::tally::{Kind, WorkerTally, count_class};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
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
struct Socket {
    status: Status,
    writer: Option<OwnedWriteHalf>,
    /// Was ready before: a return is no new socket.
    known: bool,
    /// When the tester dropped it, until it is ready again.
    dropped_ns: Option<u64>,
    /// The last number of each of its streams that is owed to a socket that is leaving.
    owed: Box<[u64]>,
}

impl Socket {
    fn new() -> Self {
        Self {
            status: Status::Opening(0),
            writer: None,
            known: false,
            dropped_ns: None,
            owed: Box::default(),
        }
    }
}

/// Belongs to one worker. Sockets are `local` indices: socket `local` of worker `w` is `conn = local * workers + w`.
pub(crate) struct Auditor {
    state: Arc<RunState>,
    worker: u32,
    sockets: Vec<Socket>,
    /// By socket, subscription and publisher of the channel.
    books: Vec<Book>,
    /// By socket.
    services: Vec<Service>,
    /// Since the last report.
    pub(crate) tally: WorkerTally,
    /// The tester itself is closing its sockets: a close is no failure any more.
    closing: bool,
    /// When, to whom and with what payload a ping is still to be answered.
    late_pongs: VecDeque<(u64, usize, Vec<u8>)>,
    mask: u32,
    out: Vec<u8>,
}

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
            services: vec![Service::default(); sockets],
            books: vec![Book::default(); sockets * books_per_socket as usize],
            tally: WorkerTally::default(),
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

    /// The upgrade is done and the subscriptions are sent.
    pub(crate) fn on_upgraded(&mut self, local: usize, writer: OwnedWriteHalf) {
        let socket = &mut self.sockets[local];
        socket.status = Status::Opening(self.state.plan.subs_per_conn);
        socket.writer = Some(writer);
    }

    /// The socket is ready `ready_ns` after its connect began.
    pub(crate) fn on_ready(&mut self, local: usize, ready_ns: u64) {
        let now_ns = self.state.clock.now_ns();
        let socket = &mut self.sockets[local];
        if let Some(dropped_ns) = socket.dropped_ns.take() {
            self.tally.returned.record_ns(now_ns - dropped_ns);
        }
        if !std::mem::replace(&mut socket.known, true) {
            self.tally.opened += 1;
            if self.role(local).is_doomed() {
                self.on_doomed(local);
            }
        }
        self.tally.ready.record_ns(ready_ns);
        let open = self.state.open.fetch_add(1, SeqCst) + 1;
        self.state.peak.fetch_max(open, SeqCst);
        self.state.connects_done.fetch_add(1, SeqCst);
    }

    /// The socket did not become ready.
    pub(crate) fn on_connect_failed(&mut self, local: usize, class: String) {
        if self.sockets[local].status == Status::Ready {
            // The last confirmation came in the same read as the end.
            let conn = self.conn(local);
            self.state
                .ledger
                .departed(self.state.plan.channels_of(conn));
        }
        self.sockets[local].status = Status::Failed;
        self.sockets[local].writer = None;
        self.state.connects_done.fetch_add(1, SeqCst);
        if !self.closing {
            let conn = self.conn(local);
            self.tally
                .evidence
                .note(Kind::Connect, || format!("conn {conn}: not ready: {class}"));
            count_class(&mut self.tally.connect_failed, class);
        }
    }

    /// A ready socket ended.
    pub(crate) fn on_closed(&mut self, local: usize, cause: &CloseCause) {
        if matches!(cause, CloseCause::Code(..)) && !self.closing {
            self.write(local, client_frame::CLOSE, &1000u16.to_be_bytes());
        }
        let conn = self.conn(local);
        let role = self.role(local);
        if !self.closing {
            self.state
                .ledger
                .departed(self.state.plan.channels_of(conn));
            self.sockets[local].status = Status::Closed;
            if role == Role::HalfOpen && self.state.has_turned() {
                // Its relay has seen how the server ended it.
            } else if role.is_doomed() && self.state.has_turned() {
                self.on_dead(local, cause);
            } else {
                if role.is_doomed() {
                    // Ended before it turned bad: a fault, but no survivor.
                    self.fates(local).closed += 1;
                }
                let at = self.state.clock.now_ns() as f64 / 1e9;
                self.tally.evidence.note(Kind::Close, || {
                    format!("conn {conn} ({}): closed at {at:.3}s: {cause}", role.name())
                });
                count_class(&mut self.tally.closed, cause.to_string());
            }
        }
        self.sockets[local].writer = None;
        self.state.open.fetch_sub(1, SeqCst);
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

    /// Takes one frame that was read at `now_ns`.
    pub(crate) fn on_frame(
        &mut self,
        local: usize,
        frame: &Frame<'_>,
        now_ns: u64,
    ) -> Result<(), CloseCause> {
        match *frame {
            Frame::Text(text) => {
                let mut refused = None;
                let leaving = matches!(self.sockets[local].status, Status::Leaving(_));
                scan::messages(text, |message| match message {
                    Message::Error(code) if self.is_opening(local) => {
                        refused = Some(format!("{:.200}", String::from_utf8_lossy(code)));
                    }
                    message => self.on_message(local, message, now_ns),
                });
                if let Some(code) = refused {
                    return Err(CloseCause::Refused(code));
                }
                if leaving && self.sockets[local].status == Status::Leaving(0) {
                    return Err(CloseCause::Left);
                }
            }
            Frame::Ping(payload) => {
                self.on_ping(local, payload, now_ns);
            }
            Frame::Pong => {}
            Frame::Binary(_) => self.on_malformed(local),
            Frame::Close(code, reason) => {
                return Err(CloseCause::Code(
                    code,
                    String::from_utf8_lossy(reason).into_owned(),
                ));
            }
        }
        Ok(())
    }

    fn on_ping(&mut self, local: usize, payload: &[u8], now_ns: u64) {
        self.tally.pings += 1;
        let plan = &self.state.plan;
        match plan.role(self.conn(local)) {
            Role::NoPong if self.state.has_turned() => {}
            Role::PongLate if self.state.has_turned() => {
                let due_ns = now_ns + plan.cohorts.pong_delay().as_nanos() as u64;
                self.late_pongs.push_back((due_ns, local, payload.to_vec()));
            }
            _ => self.write(local, client_frame::PONG, payload),
        }
    }

    fn is_opening(&self, local: usize) -> bool {
        matches!(self.sockets[local].status, Status::Opening(_))
    }

    fn on_message(&mut self, local: usize, message: Message<'_>, now_ns: u64) {
        match message {
            Message::Event(channel, Some(stamp)) => self.on_event(local, channel, &stamp, now_ns),
            // `$all` and `$system` reach every connection, whoever published to them.
            Message::Event([b'$', ..], None) => self.tally.notices += 1,
            Message::Event(_, None) | Message::Malformed => self.on_malformed(local),
            Message::Unsubscribed => {
                if let Status::Leaving(missing) = &mut self.sockets[local].status {
                    *missing = missing.saturating_sub(1);
                }
            }
            Message::Subscribed(channel) => {
                self.open_books_of(local, channel);
                if let Status::Opening(missing) = &mut self.sockets[local].status {
                    *missing = missing.saturating_sub(1);
                    if *missing == 0 {
                        self.sockets[local].status = Status::Ready;
                        let conn = self.conn(local);
                        self.state.ledger.arrived(self.state.plan.channels_of(conn));
                    }
                }
            }
            Message::Error(code) => {
                self.tally.errors += 1;
                let conn = self.conn(local);
                self.tally.evidence.note(Kind::Error, || {
                    format!("conn {conn}: error {:.200}", String::from_utf8_lossy(code))
                });
            }
            Message::Other => {}
        }
    }

    fn on_malformed(&mut self, local: usize) {
        self.tally.malformed += 1;
        let conn = self.conn(local);
        self.tally.evidence.note(Kind::Malformed, || {
            format!("conn {conn}: a message that is none of the protocol's, or has no stamp")
        });
    }

    fn on_event(&mut self, local: usize, channel: &[u8], stamp: &Stamp, now_ns: u64) {
        let conn = self.conn(local);
        let Some((stream, place)) = self.place(local, channel, stamp) else {
            self.tally.foreign += 1;
            self.tally.evidence.note(Kind::Foreign, || {
                format!(
                    "conn {conn}: foreign message: channel {} with {stamp:?}",
                    String::from_utf8_lossy(channel)
                )
            });
            return;
        };
        let doomed = self.role(local).is_doomed();
        let (tally, ledger) = (&mut self.tally, &self.state.ledger);
        let arrival = self.books[place].record(stamp.seq, |seq| {
            if ledger.is_owed(stream, seq) {
                tally.lost += 1;
                tally.evidence.note(Kind::Loss, || {
                    format!(
                        "conn {conn}: lost seq {seq} of {} (publisher {}) while connected",
                        String::from_utf8_lossy(channel),
                        stamp.publisher
                    )
                });
            }
        });
        let (count, what) = match arrival {
            Arrival::Forward => (&mut tally.received, None),
            Arrival::Late => {
                tally.reorders += 1;
                (&mut tally.received, Some((Kind::Reorder, "late")))
            }
            Arrival::Duplicate => (&mut tally.duplicates, Some((Kind::Duplicate, "again"))),
        };
        *count += 1;
        if let Some((kind, what)) = what {
            tally.evidence.note(kind, || {
                format!(
                    "conn {conn}: seq {} of {} (publisher {}) came {what}",
                    stamp.seq,
                    String::from_utf8_lossy(channel),
                    stamp.publisher
                )
            });
        }
        // What a misbehaving socket reads late is its own fault.
        if arrival != Arrival::Duplicate && !doomed {
            let delivery_ns = now_ns.saturating_sub(stamp.intended_ns);
            tally.delivery.record_ns(delivery_ns);
            self.services[local].record_ns(delivery_ns);
            if !self.state.plan.cohorts.shares.is_empty() {
                if stamp.intended_ns < self.state.turn_ns.load(SeqCst) {
                    tally.before.record_ns(delivery_ns);
                } else {
                    tally.after.record_ns(delivery_ns);
                }
            }
            tally
                .transit
                .record_ns(now_ns.saturating_sub(stamp.sent_ns));
        }
    }

    /// The stream and the book of an event; `None` when this socket must not see it, or nobody sent it.
    fn place(&self, local: usize, channel: &[u8], stamp: &Stamp) -> Option<(usize, usize)> {
        let plan = &self.state.plan;
        let index = plan.channel_index(channel)?;
        let position = plan.position(self.conn(local), index)?;
        let publisher = u32::try_from(stamp.publisher).ok()?;
        let stream = plan.stream(index, publisher)?;
        let own = stamp.run == u64::from(plan.run)
            && stamp.channel == u64::from(index)
            && (1..=self.state.ledger.sent(stream)).contains(&stamp.seq);
        let publishers = plan.publishers_per_channel() as usize;
        let subscription = local * plan.subs_per_conn as usize + position as usize;
        own.then(|| {
            (
                stream,
                subscription * publishers + stream - index as usize * publishers,
            )
        })
    }

    /// Sends one small frame. It is dropped when the socket takes no byte: only a server that does not read
    /// lets that happen, and it will miss the pong.
    fn write(&mut self, local: usize, opcode: u8, payload: &[u8]) {
        if let Some(writer) = &self.sockets[local].writer {
            self.mask = self.mask.wrapping_mul(0x9E37_79B1).wrapping_add(1);
            self.out.clear();
            client_frame::encode(&mut self.out, opcode, payload, self.mask);
            let _ = writer.try_write(&self.out);
        }
    }
}
