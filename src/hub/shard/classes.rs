//! Which classes a shard's connections have.

use crate::dialect::ClassId;

/// The number of connections of each class, without those that have none.
#[derive(Debug, Default)]
pub(super) struct Classes(Vec<(ClassId, u32)>);

impl Classes {
    pub(super) fn add(&mut self, class: ClassId) {
        match self.0.iter_mut().find(|(known, _)| *known == class) {
            Some((_, connections)) => *connections += 1,
            None => self.0.push((class, 1)),
        }
    }

    pub(super) fn remove(&mut self, class: ClassId) {
        if let Some(index) = self.0.iter().position(|(known, _)| *known == class) {
            self.0[index].1 -= 1;
            if self.0[index].1 == 0 {
                self.0.swap_remove(index);
            }
        }
    }

    /// The classes that some connection has.
    pub(super) fn iter(&self) -> impl Iterator<Item = ClassId> {
        self.0.iter().map(|&(class, _)| class)
    }
}
