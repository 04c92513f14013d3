//! When books begin and end, and what is missing at their end.

use super::auditor::{Auditor, Status};
use crate::books::book::Book;
use crate::books::evidence::EvidenceKind;
use crate::measure::connection_latency;
use crate::sockets::run_state::RunState;
use crate::wire::client_frame;
use std::sync::Arc;

impl Auditor {
    /// Starts the books of one subscription.
    pub(super) fn open_books_of(&mut self, local: usize, channel: &[u8]) {
        let plan = &self.state.plan;
        let Some(index) = plan.channel_index(channel) else {
            return;
        };
        let Some(nth) = plan.subscription_index(self.conn(local), index) else {
            return;
        };
        let publishers = plan.publishers_per_channel() as usize;
        let first = (local * plan.subs_per_conn as usize + nth as usize) * publishers;
        self.forget_declared(first / publishers);
        for i in 0..publishers {
            let sent = self.state.ledger.sent(index as usize * publishers + i);
            self.books[first + i] = Book::opened_at(sent);
        }
    }

    /// The stream of every book of a socket, in the order of the books.
    pub(super) fn streams_of(state: &RunState, conn: u32) -> impl Iterator<Item = usize> + '_ {
        let publishers = state.plan.publishers_per_channel() as usize;
        state.plan.channels_of(conn).flat_map(move |channel| {
            (0..publishers).map(move |i| channel as usize * publishers + i)
        })
    }

    /// Number of books that still wait for a message.
    pub(crate) fn open_books(&self) -> u64 {
        let per_socket = self.books.len() / self.sockets.len().max(1);
        let publishers = self.state.plan.publishers_per_channel() as usize;
        let open = |local: usize| {
            let first = local * per_socket;
            Self::streams_of(&self.state, self.conn(local))
                .zip(first..first + per_socket)
                .filter(|&(stream, index)| {
                    self.is_incomplete(index, stream)
                        && !self.state.plan.is_author(self.conn(local), stream)
                        && !self.is_declared(index / publishers, (stream / publishers) as u32)
                })
                .count() as u64
        };
        let leaving = self
            .sockets
            .iter()
            .filter(|socket| {
                // A dropped socket with a position will receive what it missed.
                let returns = self.state.plan.positions && socket.dropped_ns.is_some();
                returns || matches!(socket.status, Status::Leaving(_))
            })
            .count() as u64;
        (0..self.sockets.len())
            .filter(|&local| {
                self.sockets[local].status == Status::Ready && !self.role(local).must_be_closed()
            })
            .map(open)
            .sum::<u64>()
            + leaving
    }

    /// Whether a book misses a publication that is expected.
    fn is_incomplete(&self, index: usize, stream: usize) -> bool {
        let ledger = &self.state.ledger;
        let last = ledger.last(stream);
        if self.books[index].is_complete(last) || !ledger.has_exceptions() {
            return !self.books[index].is_complete(last);
        }
        let mut misses = false;
        self.books[index].close(last, |seq| misses |= ledger.is_expected(stream, seq));
        misses
    }

    /// Number of accepted publications that a socket has not received yet.
    pub(super) fn in_flight(&self, local: usize) -> u64 {
        let per_socket = self.books.len() / self.sockets.len().max(1);
        let books = &self.books[local * per_socket..][..per_socket];
        Self::streams_of(&self.state, self.conn(local))
            .zip(books)
            .map(|(stream, book)| {
                let last = self.state.ledger.last(stream);
                last.saturating_sub(book.highest())
            })
            .sum()
    }

    /// Ends the interval of a socket. Everything up to the number that `expected` returns must have arrived.
    pub(super) fn close_interval(&mut self, local: usize, expected: impl Fn(usize, &Book) -> u64) {
        let per_socket = self.books.len() / self.sockets.len().max(1);
        let conn = self.conn(local);
        let state = Arc::clone(&self.state);
        let at = state.clock.now_ns() as f64 / 1e9;
        for (nth, stream) in Self::streams_of(&state, conn).enumerate() {
            let index = local * per_socket + nth;
            if !state.plan.is_author(conn, stream) {
                let last = expected(nth, &self.books[index]);
                self.close_book(index, stream, last, false, |seq, name| {
                    format!(
                        "conn {conn}: seq {seq} of {name} did not arrive before it left at {at:.3}s"
                    )
                });
            }
            self.books[index] = Book::opened_at(u64::MAX - 1);
        }
        // What gap notices skipped after that is not expected.
        let subscriptions = state.plan.subs_per_conn as usize;
        for subscription in local * subscriptions..(local + 1) * subscriptions {
            self.declared.gaps.remove(&subscription);
        }
    }

    /// Closes a book: everything up to `last` must have arrived. What is missing after the last event counts as declared if
    /// the socket has `gone`.
    fn close_book(
        &mut self,
        index: usize,
        stream: usize,
        last: u64,
        gone: bool,
        evidence: impl Fn(u64, &str) -> String,
    ) {
        self.settle_at_end(index, stream);
        let state = Arc::clone(&self.state);
        let publishers = state.plan.publishers_per_channel() as usize;
        let book = self.books[index];
        let (tally, declared) = (&mut self.tally, &mut self.declared);
        book.close(last, |seq| {
            if !state.ledger.is_expected(stream, seq) {
                return;
            }
            let is_end = seq > book.highest();
            if is_end && (gone || declared.takes(index / publishers, index % publishers)) {
                tally.declared += 1;
            } else {
                let name = state.plan.channel_name((stream / publishers) as u32);
                tally.lose(|| evidence(seq, &name));
            }
        });
    }

    /// Compares every book with the ledger, then sends a Close frame on every socket.
    pub(crate) fn close_all(&mut self) {
        let per_socket = self.books.len() / self.sockets.len().max(1);
        let state = Arc::clone(&self.state);
        for local in 0..self.sockets.len() {
            let conn = self.conn(local);
            let status = self.sockets[local].status;
            if matches!(status, Status::Leaving(_)) {
                self.tally.stuck += 1;
                self.tally.evidence.note(EvidenceKind::Churn, || {
                    format!("conn {conn}: the server never confirmed its unsubscribing")
                });
            }
            // It has a position, but has not reconnected. `storm.missing` counts that.
            let away = state.plan.positions && self.sockets[local].dropped_ns.is_some();
            let was_ready = matches!(status, Status::Ready | Status::Leaving(_) | Status::Closed);
            if !was_ready && !away {
                continue;
            }
            let role = self.role(local);
            if role.must_be_closed() && status == Status::Ready && state.faults_started() {
                let kind = Self::kind_of(role);
                self.tally.evidence.note(kind, || {
                    format!("conn {conn} ({}): was never closed", role.name())
                });
            }
            let gone = status == Status::Closed || role.must_be_closed() || away;
            // While it was leaving, only what was accepted before is expected.
            let until = std::mem::take(&mut self.sockets[local].expected);
            for (nth, stream) in Self::streams_of(&state, conn).enumerate() {
                let index = local * per_socket + nth;
                let last = until.get(nth).map_or_else(
                    || state.ledger.last(stream),
                    |until| (*until).max(self.books[index].highest()),
                );
                if !state.plan.is_author(conn, stream) {
                    self.close_book(index, stream, last, gone, |seq, name| {
                        format!(
                            "conn {conn}: seq {seq} of {name} never arrived; the last is {last}"
                        )
                    });
                }
            }
            let subscriptions = state.plan.subs_per_conn as usize;
            for subscription in local * subscriptions..(local + 1) * subscriptions {
                if gone || status != Status::Ready {
                    self.declared.gaps.remove(&subscription);
                } else {
                    self.end_gap(subscription);
                }
            }
        }
        self.tally.worst = connection_latency::worst(
            self.connection_latencies
                .iter()
                .enumerate()
                .map(|(local, service)| (self.conn(local), *service)),
        );
        self.closing = true;
        for local in 0..self.sockets.len() {
            let closes = self.write(local, client_frame::CLOSE, &1000u16.to_be_bytes());
            if !closes {
                // An event stream ends with its connection.
                self.sockets[local].writer = None;
            }
        }
    }
}
