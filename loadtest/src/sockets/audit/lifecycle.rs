//! The life cycle of a socket: upgraded, ready, failed, closed.

use super::auditor::{Auditor, Status};
use crate::books::classes::count_class;
use crate::books::evidence::EvidenceKind;
use crate::plan::cohort::Role;
use crate::sockets::close_cause::CloseCause;
use crate::sockets::link::SharedTls;
use crate::wire::client_frame;
use std::sync::atomic::Ordering::SeqCst;
use tokio::net::tcp::OwnedWriteHalf;

impl Auditor {
    /// The upgrade is done and the subscribe commands are sent.
    pub(in crate::sockets) fn on_upgraded(
        &mut self,
        local: usize,
        writer: OwnedWriteHalf,
        tls: SharedTls,
    ) {
        let socket = &mut self.sockets[local];
        socket.status = Status::Opening(self.state.plan.subs_per_conn);
        socket.writer = Some(writer);
        socket.tls = tls;
        socket.carry = Vec::new();
    }

    /// The socket is ready, `ready_ns` after the start of its connect.
    pub(crate) fn on_ready(&mut self, local: usize, ready_ns: u64) {
        let now_ns = self.state.clock.now_ns();
        let socket = &mut self.sockets[local];
        if let Some(dropped_ns) = socket.dropped_ns.take() {
            self.tally.returned.record_ns(now_ns - dropped_ns);
        }
        if !std::mem::replace(&mut socket.known, true) {
            self.tally.opened += 1;
            if self.role(local).must_be_closed() {
                self.on_faulty(local);
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
            // The last confirmation and the end arrived in the same read.
            let conn = self.conn(local);
            self.state
                .ledger
                .remove_subscribers(self.state.plan.channels_of(conn));
        }
        self.sockets[local].status = Status::Failed;
        self.sockets[local].writer = None;
        self.state.connects_done.fetch_add(1, SeqCst);
        if !self.closing {
            let conn = self.conn(local);
            self.tally.evidence.note(EvidenceKind::Connect, || {
                format!("conn {conn}: not ready: {class}")
            });
            count_class(&mut self.tally.connect_failed, class);
        }
    }

    /// A ready socket has ended.
    pub(crate) fn on_closed(&mut self, local: usize, cause: &CloseCause) {
        if matches!(cause, CloseCause::Code(..)) && !self.closing {
            self.write(local, client_frame::CLOSE, &1000u16.to_be_bytes());
        }
        let conn = self.conn(local);
        let role = self.role(local);
        if !self.closing {
            self.state
                .ledger
                .remove_subscribers(self.state.plan.channels_of(conn));
            self.sockets[local].status = Status::Closed;
            if role == Role::HalfOpen && self.state.faults_started() {
                // Its relay reports how the server closed it.
            } else if role.must_be_closed() && self.state.faults_started() {
                self.on_faulty_closed(local, cause);
            } else {
                if role.must_be_closed() {
                    // Closed before the faults started: an unexpected close, but not a survivor.
                    self.counts(local).closed += 1;
                }
                let at = self.state.clock.now_ns() as f64 / 1e9;
                self.tally.evidence.note(EvidenceKind::Close, || {
                    format!("conn {conn} ({}): closed at {at:.3}s: {cause}", role.name())
                });
                count_class(&mut self.tally.closed, cause.to_string());
            }
        }
        self.sockets[local].writer = None;
        self.sockets[local].unsent = Vec::new();
        self.state.open.fetch_sub(1, SeqCst);
    }
}
