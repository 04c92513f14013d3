//! Sockets that the tester ends: with an unsubscribe and a Close frame (churn), or without (drops and storms).

use super::auditor::{Auditor, Status};
use crate::plan::cohort::Role;
use crate::wire::client_frame;
use socket2::SockRef;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

impl Auditor {
    /// Sends an unsolicited pong from a slow socket. If its receive window is closed, the kernel discards the server's reset
    /// as out of order. Only the answer to bytes that it sends tells the socket that it was evicted.
    pub(crate) fn probe(&mut self, local: usize) {
        if self.role(local) == Role::Slow {
            self.write(local, client_frame::PONG, b"");
        }
    }

    /// Unsubscribes a socket, which closes once the server confirms that. Returns whether the socket was able to.
    pub(crate) fn leave(&mut self, local: usize) -> bool {
        let conn = self.conn(local);
        let state = Arc::clone(&self.state);
        if self.sockets[local].status != Status::Ready
            || self.role(local) != Role::Healthy
            || state.plan.is_room_publisher(conn)
        {
            return false;
        }
        let expected = Self::streams_of(&state, conn).map(|stream| state.ledger.last(stream));
        self.sockets[local].expected = expected.collect();
        self.sockets[local].status = Status::Leaving(state.plan.subs_per_conn);
        for channel in state.plan.channels_of(conn) {
            let command = state.plan.unsubscribe_command(channel);
            self.write(local, client_frame::TEXT, command.as_bytes());
        }
        true
    }

    /// The server has confirmed all unsubscribes. Everything accepted before they were sent must have arrived.
    pub(crate) fn on_left(&mut self, local: usize) {
        let expected = std::mem::take(&mut self.sockets[local].expected);
        self.close_interval(local, |index, book| expected[index].max(book.highest()));
        self.forget_positions(local);
        self.write(local, client_frame::CLOSE, &1000u16.to_be_bytes());
        self.tally.churned += 1;
        self.release(local);
    }

    /// Drops a ready socket without a Close frame. What was on its way to it is not expected any more, unless it resumes.
    /// Gaps before that are losses. Returns whether the socket was dropped.
    pub(crate) fn drop_socket(&mut self, local: usize, reset: bool) -> bool {
        let open = matches!(
            self.sockets[local].status,
            Status::Ready | Status::Leaving(_)
        );
        let is_room_publisher = self.state.plan.is_room_publisher(self.conn(local));
        if !open || self.role(local) != Role::Healthy || is_room_publisher {
            return false;
        }
        self.tally.in_flight += self.in_flight(local);
        if !self.state.plan.positions {
            self.close_interval(local, |_, book| book.highest());
        }
        if let Some(writer) = self.sockets[local].writer.take().filter(|_| reset) {
            // With a linger time of zero, closing the socket sends a reset.
            let _ = SockRef::from(writer.as_ref()).set_linger(Some(Duration::ZERO));
            writer.forget();
        }
        self.sockets[local].dropped_ns = Some(self.state.clock.now_ns());
        self.tally.dropped += 1;
        self.release(local);
        true
    }

    /// Uncounts a socket that will be opened again.
    fn release(&mut self, local: usize) {
        let conn = self.conn(local);
        self.state
            .ledger
            .remove_subscribers(self.state.plan.channels_of(conn));
        self.sockets[local].status = Status::Opening(0);
        self.sockets[local].writer = None;
        self.sockets[local].unsent = Vec::new();
        self.sockets[local].expected = Box::default();
        self.state.open.fetch_sub(1, SeqCst);
    }
}
