//! The members of a topic in one shard that are told who is present.

use super::Shard;
use super::fan_out::Recipients;
use super::members::{Group, Members};
use super::run::Delivery;
use super::slots::Slots;
use crate::dialect::ClassId;
use crate::hub::forms::{FormKey, Forms};
use crate::hub::topic::TopicId;

/// The watchers by class: lists of slots beside that of the members, so that those who do not watch
/// pay nothing for those who do.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    /// Those that have got the last announcement.
    told: Vec<Group>,
    /// Those that have been told since then who is present.
    fresh: Vec<Group>,
}

impl Watchers {
    /// Adds a watcher that has just been told who is present.
    pub(super) fn insert(&mut self, slot: u32, class: ClassId) {
        remove(&mut self.told, slot);
        insert(&mut self.fresh, slot, FormKey::new(class, false));
    }

    pub(super) fn remove(&mut self, slot: u32) {
        remove(&mut self.told, slot);
        remove(&mut self.fresh, slot);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty() && self.fresh.is_empty()
    }

    /// All of them have got an announcement.
    fn settle(&mut self) {
        for Group { key, slots } in std::mem::take(&mut self.fresh) {
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
        to_fresh: Option<&Forms>,
    ) {
        // Members change only through entries, so not meanwhile, even though this yields.
        let Some(mut members) = self.topics.remove(&topic) else {
            return;
        };
        if let Some(watchers) = &mut members.watchers {
            self.announce_to(&watchers.told, to_told).await;
            self.announce_to(&watchers.fresh, to_fresh).await;
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
    pub(super) fn set_watching(&mut self, topic: TopicId, slot: u32, watches: bool) {
        let class = self.connections[slot as usize].client.class();
        if let Some(members) = self.topics.get_mut(&topic) {
            members.set_watching(slot, watches.then_some(class));
        }
    }
}

impl Members {
    /// Makes a member one of the watchers of this class, or none of them.
    pub(super) fn set_watching(&mut self, slot: u32, class: Option<ClassId>) {
        if let Some(class) = class {
            let watchers = self.watchers.get_or_insert_default();
            watchers.insert(slot, class);
        } else if let Some(watchers) = &mut self.watchers {
            watchers.remove(slot);
            if watchers.is_empty() {
                self.watchers = None;
            }
        }
    }
}
