//! The members of a topic in one shard that are told who is present.

use std::sync::Arc;

use super::Shard;
use super::entry::Watching;
use super::fan_out::Recipients;
use super::members::{Group, Members};
use super::run::Delivery;
use super::slots::Slots;
use crate::dialect::ClassId;
use crate::hub::forms::{FormKey, Forms};
use crate::hub::replies::ReplyCharge;
use crate::hub::topic::TopicId;
use crate::presence::Knows;
use crate::wire::Frame;

/// The watchers by class: lists of slots beside that of the members, so that those who do not watch
/// pay nothing for those who do.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    /// Those that have got the last announcement.
    told: Vec<Group>,
    /// Those that have been told since then who is present, by what they know.
    fresh: Vec<Vec<Group>>,
}

impl Watchers {
    /// Adds a watcher that has just been told who is present.
    fn insert(&mut self, slot: u32, class: ClassId, knows: Knows) {
        self.remove(slot);
        let groups = match knows {
            Knows::Announced => &mut self.told,
            Knows::Snapshot(generation) => {
                let generation = usize::from(generation);
                if self.fresh.len() <= generation {
                    self.fresh.resize_with(generation + 1, Vec::new);
                }
                &mut self.fresh[generation]
            }
        };
        insert(groups, slot, FormKey::new(class, false));
    }

    fn remove(&mut self, slot: u32) {
        remove(&mut self.told, slot);
        for groups in &mut self.fresh {
            remove(groups, slot);
        }
    }

    fn is_empty(&self) -> bool {
        self.told.is_empty() && self.fresh.iter().all(Vec::is_empty)
    }

    /// All of them have got an announcement.
    fn settle(&mut self) {
        for Group { key, slots } in std::mem::take(&mut self.fresh).into_iter().flatten() {
            for slot in slots.iter() {
                insert(&mut self.told, slot, key);
            }
        }
    }
}

fn insert(groups: &mut Vec<Group>, slot: u32, key: FormKey) {
    if let Some(group) = groups.iter_mut().find(|group| group.key == key) {
        return group.slots.insert(slot);
    }
    let mut slots = Slots::default();
    slots.insert(slot);
    groups.push(Group { key, slots });
}

fn remove(groups: &mut Vec<Group>, slot: u32) {
    groups.retain_mut(|group| {
        group.slots.remove(slot);
        !group.slots.is_empty()
    });
}

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

impl Members {
    /// No longer tells a member who is present.
    pub(super) fn stop_watching(&mut self, slot: u32) {
        if let Some(watchers) = &mut self.watchers {
            watchers.remove(slot);
            if watchers.is_empty() {
                self.watchers = None;
            }
        }
    }
}
