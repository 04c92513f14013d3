//! Judges what arrives: keeps a worker's books and counts everything that is not as it should be.

use crate::book::{Arrival, Book};
use crate::client_frame;
use crate::connection::CloseCause;
use crate::frame::Frame;
use crate::run_state::RunState;
use crate::scan::{self, Message, Stamp};
use crate::tally::{Kind, WorkerTally, count_class};
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
    /// It never became ready.
    Failed,
    /// It was ready and is gone.
    Closed,
}

#[derive(Debug)]
struct Socket {
    status: Status,
    writer: Option<OwnedWriteHalf>,
}

/// Belongs to one worker. Sockets are `local` indices: socket `local` of worker `w` is `conn = local * workers + w`.
pub(crate) struct Auditor {
    state: Arc<RunState>,
    worker: u32,
    sockets: Vec<Socket>,
    /// By socket, subscription and publisher of the channel.
    books: Vec<Book>,
    /// Since the last report.
    pub(crate) tally: WorkerTally,
    /// The tester itself is closing its sockets: a close is no failure any more.
    closing: bool,
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
            sockets: (0..sockets)
                .map(|_| Socket {
                    status: Status::Opening(0),
                    writer: None,
                })
                .collect(),
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
        self.sockets[local] = Socket {
            status: Status::Opening(self.state.plan.subs_per_conn),
            writer: Some(writer),
        };
    }

    /// The socket is ready `ready_ns` after its connect began.
    pub(crate) fn on_ready(&mut self, ready_ns: u64) {
        self.tally.opened += 1;
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
        self.sockets[local] = Socket {
            status: Status::Failed,
            writer: None,
        };
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
        if !self.closing {
            self.state
                .ledger
                .departed(self.state.plan.channels_of(conn));
            self.sockets[local].status = Status::Closed;
            let at = self.state.clock.now_ns() as f64 / 1e9;
            self.tally.evidence.note(Kind::Close, || {
                format!("conn {conn}: closed at {at:.3}s: {cause}")
            });
            count_class(&mut self.tally.closed, cause.to_string());
        }
        self.sockets[local].writer = None;
        self.state.open.fetch_sub(1, SeqCst);
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
                scan::messages(text, |message| match message {
                    Message::Error(code) if self.is_opening(local) => {
                        refused = Some(format!("{:.200}", String::from_utf8_lossy(code)));
                    }
                    message => self.on_message(local, message, now_ns),
                });
                if let Some(code) = refused {
                    return Err(CloseCause::Refused(code));
                }
            }
            Frame::Ping(payload) => {
                self.tally.pings += 1;
                self.write(local, client_frame::PONG, payload);
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

    fn is_opening(&self, local: usize) -> bool {
        matches!(self.sockets[local].status, Status::Opening(_))
    }

    fn on_message(&mut self, local: usize, message: Message<'_>, now_ns: u64) {
        match message {
            Message::Event(channel, Some(stamp)) => self.on_event(local, channel, &stamp, now_ns),
            // `$all` and `$system` reach every connection, whoever published to them.
            Message::Event([b'$', ..], None) => self.tally.notices += 1,
            Message::Event(_, None) | Message::Malformed => self.on_malformed(local),
            Message::Subscribed(_) => {
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
        if arrival != Arrival::Duplicate {
            tally
                .delivery
                .record_ns(now_ns.saturating_sub(stamp.intended_ns));
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

    /// The stream of every book of a socket, in the order of the books.
    fn streams_of(state: &RunState, conn: u32) -> impl Iterator<Item = usize> + '_ {
        let publishers = state.plan.publishers_per_channel() as usize;
        state.plan.channels_of(conn).flat_map(move |channel| {
            (0..publishers).map(move |i| channel as usize * publishers + i)
        })
    }

    /// Books of living sockets that still wait for a message.
    pub(crate) fn open_books(&self) -> u64 {
        let per_socket = self.books.len() / self.sockets.len().max(1);
        let open = |local: usize| {
            let books = &self.books[local * per_socket..][..per_socket];
            Self::streams_of(&self.state, self.conn(local))
                .zip(books)
                .filter(|(stream, book)| !book.is_complete(self.state.ledger.last(*stream)))
                .count() as u64
        };
        (0..self.sockets.len())
            .filter(|&local| self.sockets[local].status == Status::Ready)
            .map(open)
            .sum()
    }

    /// Compares every book with the ledger and then says goodbye on every socket.
    pub(crate) fn close_all(&mut self) {
        let per_socket = self.books.len() / self.sockets.len().max(1);
        let state = Arc::clone(&self.state);
        for local in 0..self.sockets.len() {
            let conn = self.conn(local);
            let status = self.sockets[local].status;
            if !matches!(status, Status::Ready | Status::Closed) {
                continue;
            }
            let books = &self.books[local * per_socket..][..per_socket];
            for (stream, book) in Self::streams_of(&state, conn).zip(books) {
                let tally = &mut self.tally;
                let (mut lost, mut first) = (0, None);
                book.close(state.ledger.last(stream), |seq| {
                    if !state.ledger.is_owed(stream, seq) {
                    } else if status == Status::Closed && seq > book.highest() {
                        tally.missed_by_closed += 1;
                    } else {
                        lost += 1;
                        first.get_or_insert(seq);
                    }
                });
                tally.lost += lost;
                if let Some(first) = first {
                    let channel = stream as u32 / state.plan.publishers_per_channel();
                    tally.evidence.note(Kind::Loss, || {
                        format!(
                            "conn {conn}: {lost} of {} never came, the first is seq {first} of {}",
                            state.plan.channel_name(channel),
                            state.ledger.last(stream)
                        )
                    });
                }
            }
        }
        self.closing = true;
        for local in 0..self.sockets.len() {
            self.write(local, client_frame::CLOSE, &1000u16.to_be_bytes());
        }
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
