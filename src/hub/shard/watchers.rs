//! The members of a topic in one shard that are told who is present.

use super::Shard;
use super::fan_out::Recipients;
use super::members::{Group, Members};
use super::run::Delivery;
use crate::dialect::ClassId;
use crate::hub::forms::{FormKey, Forms};
use crate::hub::topic::TopicId;

/// The watchers by class: a second list of slots beside that of the members, so that those who do not
/// watch pay nothing for those who do.
#[derive(Debug, Default)]
pub(super) struct Watchers(Vec<Group>);

impl Watchers {
    pub(super) fn insert(&mut self, slot: u32, class: ClassId) {
        let key = FormKey::new(class, false);
        match self.0.iter_mut().find(|group| group.key == key) {
            Some(group) => group.slots.insert(slot),
            None => {
                let mut group = Group {
                    key,
                    slots: super::slots::Slots::default(),
                };
                group.slots.insert(slot);
                self.0.push(group);
            }
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        for group in &mut self.0 {
            group.slots.remove(slot);
        }
        self.0.retain(|group| !group.slots.is_empty());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Shard {
    /// Sends an announcement to the watchers of a topic. What is written to them takes the same way as
    /// a publication.
    pub(super) async fn announce(&mut self, topic: TopicId, forms: &Forms) {
        // Members change only through entries, so not meanwhile, even though this yields.
        let Some(members) = self.topics.remove(&topic) else {
            return;
        };
        for Group { key, slots } in members.watchers() {
            let frame = forms.form(*key);
            let delivery = Delivery::notice(&frame);
            self.write_run(Recipients::Slots(slots), &[delivery]).await;
        }
        self.topics.insert(topic, members);
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
    fn watchers(&self) -> &[Group] {
        self.watchers.as_ref().map_or(&[], |watchers| &watchers.0)
    }
}
