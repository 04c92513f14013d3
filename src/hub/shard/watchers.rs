//! The members of a topic in one shard that are told who is present.

use super::group::Group;
use super::slots::Slots;
use crate::dialect::ClassId;
use crate::hub::forms::FormKey;
use crate::presence::Knows;

/// The watchers by class: lists of slots beside that of the members, so that those who do not watch
/// pay nothing for those who do.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    /// Those that have got the last announcement.
    pub(super) told: Vec<Group>,
    /// Those that have been told since then who is present, by what they know.
    pub(super) fresh: Vec<Vec<Group>>,
}

impl Watchers {
    /// Adds a watcher that has just been told who is present.
    pub(super) fn insert(&mut self, slot: u32, class: ClassId, knows: Knows) {
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

    pub(super) fn remove(&mut self, slot: u32) {
        remove(&mut self.told, slot);
        for groups in &mut self.fresh {
            remove(groups, slot);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty() && self.fresh.iter().all(Vec::is_empty)
    }

    /// All of them have got an announcement.
    pub(super) fn settle(&mut self) {
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
