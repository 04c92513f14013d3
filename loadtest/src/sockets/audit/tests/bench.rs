//! A server with one client, and the auditor of that client.

use crate::plan::run_plan::RunPlan;
use crate::plan::run_plan::tests::plan;
use crate::sockets::audit::auditor::{Auditor, Status};
use crate::sockets::close_cause::CloseCause;
use crate::sockets::run_state::RunState;
use crate::wire::server_frame::ServerFrame;
use crate::wire::stamp::{self, Stamp};
use std::sync::Arc;

/// What the auditor counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Received,
    Lost,
    Declared,
    Excess,
    Dups,
    Reorders,
    Foreign,
    Refused,
    Stuck,
}

const COUNTS: [Count; 9] = [
    Count::Received,
    Count::Lost,
    Count::Declared,
    Count::Excess,
    Count::Dups,
    Count::Reorders,
    Count::Foreign,
    Count::Refused,
    Count::Stuck,
];

/// A server with one client on one channel, and the auditor of that client.
pub(super) struct Bench {
    pub(super) auditor: Auditor,
    pub(super) state: Arc<RunState>,
    expected: Vec<u64>,
    /// By publisher: the last number.
    pub(super) seqs: Vec<u64>,
    offset: u64,
    /// The publisher that publishes now.
    pub(super) publisher: usize,
}

pub(super) const CHANNEL: &str = "lt.0000abcd.0";

impl Bench {
    pub(super) fn new(publishers: u32) -> Self {
        let mut plan = plan(1, 1, 1, publishers);
        plan.positions = true;
        Self::of(plan)
    }

    pub(super) fn of(plan: RunPlan) -> Self {
        let publishers = plan.publishers;
        let state = Arc::new(RunState::for_tests(plan));
        let mut bench = Self {
            auditor: Auditor::new(Arc::clone(&state), 0),
            seqs: vec![0; publishers as usize],
            state,
            expected: vec![0; COUNTS.len()],
            offset: 0,
            publisher: 0,
        };
        bench.subscribe("");
        bench
    }

    fn frame(&mut self, text: &str) -> Result<(), CloseCause> {
        self.auditor
            .on_frame(0, &ServerFrame::Text(text.as_bytes()), 0)
    }

    /// Receives an event with this stamp at `now_ns`.
    pub(super) fn deliver_at(&mut self, stamp: &Stamp, now_ns: u64) {
        let mut text = format!(r#"{{"type":"event","channel":"{CHANNEL}","data":"#).into_bytes();
        stamp::append(&mut text, stamp, 0);
        text.push(b'}');
        let frame = ServerFrame::Text(&text);
        let received = self.auditor.on_frame(0, &frame, now_ns);
        received.expect("the connection stays open");
    }

    pub(super) fn send(&mut self, text: &str) {
        self.frame(text).expect("the connection stays open");
    }

    pub(super) fn subscribe(&mut self, how: &str) {
        self.auditor.sockets[0].status = Status::Opening(1);
        let offset = self.offset;
        self.send(&format!(
            r#"{{"type":"subscribed","channel":"{CHANNEL}","offset":{offset},"epoch":"e"{how}}}"#
        ));
        self.auditor.on_ready(0, 0);
    }

    /// Publishes, and is accepted.
    pub(super) fn publish(&mut self) -> u64 {
        let seq = self.send_out();
        self.state.ledger.accepted(self.publisher, seq);
        seq
    }

    pub(super) fn send_out(&mut self) -> u64 {
        self.offset += 1;
        self.seqs[self.publisher] += 1;
        let seq = self.seqs[self.publisher];
        self.state.ledger.sending(self.publisher, seq);
        seq
    }

    pub(super) fn deliver(&mut self, seq: u64) {
        self.deliver_as(seq, 0);
    }

    pub(super) fn deliver_as(&mut self, seq: u64, channel: u64) {
        let (publisher, offset) = (self.publisher, self.offset);
        self.send(&format!(
            r#"{{"type":"event","channel":"{CHANNEL}","offset":{offset},"data":{{"run":43981,"pub":{publisher},"chan":{channel},"seq":{seq},"intended_ns":1,"sent_ns":1}}}}"#
        ));
    }

    /// Publishes and delivers `count` events.
    pub(super) fn flow(&mut self, count: u64) {
        for _ in 0..count {
            let seq = self.publish();
            self.deliver(seq);
        }
        self.count(&[(Count::Received, count)]);
    }

    /// The client skips what is published meanwhile.
    pub(super) fn skip(&mut self, count: u64) {
        for _ in 0..count {
            self.publish();
        }
    }

    pub(super) fn gap(&mut self, missed: u64) {
        self.send(&format!(
            r#"{{"type":"gap","channel":"{CHANNEL}","missed":{missed}}}"#
        ));
    }

    pub(super) fn drop_socket(&mut self) {
        assert!(self.auditor.drop_socket(0, false));
    }

    pub(super) fn leave(&mut self) {
        assert!(self.auditor.leave(0));
    }

    pub(super) fn confirm_leaving(&mut self) {
        let text = format!(r#"{{"type":"unsubscribed","channel":"{CHANNEL}"}}"#);
        assert!(matches!(self.frame(&text), Err(CloseCause::Left)));
        self.auditor.on_left(0);
    }

    /// The auditor must count this.
    pub(super) fn count(&mut self, counts: &[(Count, u64)]) {
        for (count, more) in counts {
            self.expected[*count as usize] += more;
        }
    }

    /// What the auditor must have counted, and what it has.
    pub(super) fn counts(&self) -> [Vec<(Count, u64)>; 2] {
        let tally = &self.auditor.tally;
        let found = [
            tally.received,
            tally.lost,
            tally.declared,
            tally.gap_excess,
            tally.duplicates,
            tally.reorders,
            tally.foreign,
            tally.refused_recoveries,
            tally.stuck,
        ];
        let named = |values: &[u64]| COUNTS.into_iter().zip(values.iter().copied()).collect();
        [named(&self.expected), named(&found)]
    }
}
