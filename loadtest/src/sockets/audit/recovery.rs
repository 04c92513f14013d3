//! Positions: where each subscription resumes from, and how the server answers that.

use super::auditor::Auditor;
use super::held_position::HeldPosition;
use crate::books::evidence::EvidenceKind;
use crate::wire::server_message::Position;

impl Auditor {
    /// The command by which a socket subscribes to a channel: from its position, if it has one.
    pub(crate) fn subscribe_command(&self, local: usize, channel: u32) -> String {
        let plan = &self.state.plan;
        let held = self
            .subscription(local, channel)
            .and_then(|index| self.held_positions.get(index)?.as_ref());
        plan.subscribe_command(channel, held.map(|held| (held.offset, &*held.epoch)))
    }

    /// A subscription is confirmed. Its books begin anew, or continue if its position was recovered.
    pub(super) fn on_position(&mut self, local: usize, name: &[u8], position: Position<'_>) {
        let Some(channel) = self.state.plan.channel_index(name) else {
            return;
        };
        let Some(index) = self.subscription(local, channel) else {
            return;
        };
        if !self.state.plan.positions {
            return self.open_books_of(local, name);
        }
        let epoch = String::from_utf8_lossy(position.epoch).into_owned();
        match (position.recovered, &mut self.held_positions[index]) {
            // The replay advances it.
            (Some(true), Some(held)) if *held.epoch == *epoch => {
                let asked = held.offset;
                self.on_recovered(local, channel, asked, position);
            }
            (recovered, held) => {
                let had_one = held.is_some();
                *held = position.offset.map(|offset| HeldPosition {
                    offset,
                    epoch: epoch.into(),
                });
                if had_one {
                    self.on_refused(local, channel, recovered);
                    self.refuse(local, channel, index);
                } else {
                    self.open_books_of(local, name);
                }
            }
        }
    }

    /// A position was recovered. The reply must say where the replay ends.
    fn on_recovered(&mut self, local: usize, channel: u32, asked: u64, reply: Position<'_>) {
        self.tally.recovered += 1;
        let end = reply.replayed.and_then(|n| asked.checked_add(n));
        if end.is_none() || end != reply.offset {
            self.tally.wrong_recoveries += 1;
            let conn = self.conn(local);
            let name = self.state.plan.channel_name(channel);
            let (offset, replayed) = (reply.offset, reply.replayed);
            self.tally.evidence.note(EvidenceKind::Recovery, || {
                format!("conn {conn}: {name} since {asked}: the reply says offset {offset:?}, {replayed:?} replayed")
            });
        }
    }

    /// The server cannot resume from the position, or does not say that it can.
    fn on_refused(&mut self, local: usize, channel: u32, recovered: Option<bool>) {
        let conn = self.conn(local);
        self.tally.refused_recoveries += 1;
        let name = self.state.plan.channel_name(channel);
        self.tally.evidence.note(EvidenceKind::Recovery, || {
            format!("conn {conn}: its position in {name} was not recovered ({recovered:?})")
        });
    }

    /// A publication has arrived, so its socket would resume after it.
    pub(super) fn on_offset(&mut self, local: usize, channel: u32, offset: u64) {
        let index = self.subscription(local, channel);
        if let Some(Some(held)) = index.and_then(|index| self.held_positions.get_mut(index)) {
            held.offset = held.offset.max(offset);
        }
    }

    /// A socket that has unsubscribed does not resume.
    pub(super) fn forget_positions(&mut self, local: usize) {
        let subscriptions = self.state.plan.subs_per_conn as usize;
        if let Some(held_positions) = self
            .held_positions
            .get_mut(local * subscriptions..(local + 1) * subscriptions)
        {
            held_positions.fill(None);
        }
    }

    pub(super) fn subscription(&self, local: usize, channel: u32) -> Option<usize> {
        let plan = &self.state.plan;
        let nth = plan.subscription_index(self.conn(local), channel)?;
        Some(local * plan.subs_per_conn as usize + nth as usize)
    }
}
