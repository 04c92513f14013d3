//! Messages that the tester's own sockets publish to rooms.

use super::auditor::{Auditor, Status};
use crate::books::classes::count_class;
use crate::wire::client_frame;
use crate::wire::stamp::{self, Stamp};
use std::sync::Arc;

impl Auditor {
    /// Sends the message to `room` that was due at `intended_ns` from socket `local`, which is publisher `publisher` of the
    /// room. Rooms send no reply, so a message that the socket has taken counts as accepted.
    pub(crate) fn send_room_message(
        &mut self,
        local: usize,
        room: u32,
        publisher: u32,
        intended_ns: u64,
    ) {
        let state = Arc::clone(&self.state);
        let (plan, ledger) = (&state.plan, &state.ledger);
        let stream = plan
            .stream(room, publisher)
            .expect("the schedule only has pairs that occur");
        let sent_ns = state.clock.now_ns();
        let lag_ns = sent_ns.saturating_sub(intended_ns);
        self.room_tally.lag.record_ns(lag_ns);
        if self.sockets[local].status != Status::Ready {
            return count_class(&mut self.room_tally.failed, "the member was not connected");
        }
        let seq = ledger.sent(stream) + 1;
        let stamp = Stamp {
            run: plan.run.into(),
            publisher: publisher.into(),
            channel: room.into(),
            seq,
            intended_ns,
            sent_ns,
            offset: 0,
        };
        let mut text = plan.message_head(room).into_bytes();
        stamp::append(&mut text, &stamp, plan.payload_bytes as usize);
        text.push(b'}');
        ledger.sending(stream, seq);
        if self.write(local, client_frame::TEXT, &text) {
            ledger.accepted(stream, seq);
            self.room_tally.accept(state.stage_at(intended_ns));
            self.room_tally.expected += u64::from(ledger.subscribers_ever(room).saturating_sub(1));
        } else {
            ledger.uncertain(stream, seq);
            self.room_tally.uncertain += 1;
            self.room_tally.uncertain_deliveries +=
                u64::from(ledger.subscribers_ever(room).saturating_sub(1));
            count_class(&mut self.room_tally.failed, "the server did not read");
        }
    }
}
