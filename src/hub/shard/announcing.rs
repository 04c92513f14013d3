//! Telling members who is present.

use std::sync::Arc;

use super::Shard;
use super::entry::Watching;
use super::fan_out::Recipients;
use super::group::Group;
use super::run::Delivery;
use crate::hub::forms::Forms;
use crate::hub::replies::ReplyCharge;
use crate::hub::topic::TopicId;
use crate::wire::Frame;

impl Shard {
    /// Sends an announcement to the watchers of a topic. What is written to them takes the same way as
    /// a publication.
    pub(super) async fn announce(
        &mut self,
        topic: TopicId,
        to_told: Option<&Forms>,
        to_fresh: &[Option<Arc<Forms>>],
    ) {
        // Members change only through entries, so not meanwhile, even though this yields.
        let Some(mut members) = self.topics.remove(&topic) else {
            return;
        };
        if let Some(watchers) = &mut members.watchers {
            self.announce_to(&watchers.told, to_told).await;
            for (groups, forms) in watchers.fresh.iter().zip(to_fresh) {
                self.announce_to(groups, forms.as_deref()).await;
            }
            watchers.settle();
        }
        self.topics.insert(topic, members);
    }

    async fn announce_to(&mut self, groups: &[Group], forms: Option<&Forms>) {
        let Some(forms) = forms else { return };
        for Group { key, slots } in groups {
            let frame = forms.form(*key);
            let delivery = Delivery::notice(&frame);
            self.write_run(Recipients::Slots(slots), &[delivery]).await;
        }
    }

    /// Starts or stops to tell a member who is present.
    pub(super) fn set_watching(&mut self, topic: TopicId, slot: u32, watching: Watching) {
        let class = self.connections[slot as usize].client.class();
        let Some(members) = self.topics.get_mut(&topic) else {
            return;
        };
        match watching {
            Watching::Not => members.stop_watching(slot),
            Watching::Knowing(knows) => {
                let watchers = members.watchers.get_or_insert_default();
                watchers.insert(slot, class, knows);
            }
        }
    }

    /// The same for a member that is one already, with the reply to its command.
    pub(super) fn watch(
        &mut self,
        slot: u32,
        (topic, watching): (TopicId, Watching),
        ack: Option<(Frame, Option<ReplyCharge>)>,
    ) {
        self.set_watching(topic, slot, watching);
        if let Some((frame, charge)) = ack {
            self.push_reply(slot, frame, charge);
        }
    }
}
