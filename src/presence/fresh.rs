//! Those who have got a snapshot since the last announcement.

use crate::protocol::Presence;

/// Snapshots that are told apart. What follows the last of them is announced to all who got a later one,
/// though they may know some of it.
const MAX_GENERATIONS: usize = 16;

/// What those who watch know, and so what they need to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knows {
    /// What was announced until now.
    Announced,
    /// More than that: what a snapshot of this generation shows.
    Snapshot(u8),
}

/// Those who have got the same snapshot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Generation {
    /// The number of changes that the snapshot shows: the first, and the last, if there were several.
    pub(super) first: u64,
    last: u64,
    /// Whether connections without a user have come or gone since.
    pub(super) is_recounted: bool,
    /// Whether the form has changed since.
    pub(super) has_other_form: bool,
}

impl Generation {
    /// Whether its members know different things.
    pub(super) fn is_mixed(&self) -> bool {
        self.first != self.last
    }
}

/// The generations since the last announcement.
#[derive(Debug, Default)]
pub(super) struct Fresh(Vec<Generation>);

impl Fresh {
    /// Somebody gets a snapshot after this many changes.
    pub(super) fn add(&mut self, changes: u64) -> Knows {
        let is_full = self.0.len() == MAX_GENERATIONS;
        match self.0.last_mut() {
            Some(last) if is_full || last.last == changes && !last.is_recounted => {
                last.last = changes;
            }
            _ => self.0.push(Generation {
                first: changes,
                last: changes,
                is_recounted: false,
                has_other_form: false,
            }),
        }
        Knows::Snapshot((self.0.len() - 1) as u8)
    }

    pub(super) fn recount(&mut self) {
        for generation in &mut self.0 {
            generation.is_recounted = true;
        }
    }

    pub(super) fn change_form(&mut self) {
        for generation in &mut self.0 {
            generation.has_other_form = true;
        }
    }

    pub(super) fn clear(&mut self) {
        // A wave of snapshots must not leave its memory behind.
        self.0 = Vec::new();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Generation)> {
        self.0.iter().copied().enumerate()
    }

    /// A bit for each generation.
    fn all(&self) -> u16 {
        ((1_u32 << self.0.len()) - 1) as u16
    }
}

/// A change of a user that has not been announced: a bit for each generation that has not seen it.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Whether something has changed at all.
    changed: u16,
    /// Whether the user was absent then and is present now, or the reverse.
    moved: u16,
    /// Whether its `info` has changed.
    renewed: u16,
}

impl Pending {
    pub(super) fn note(&mut self, fresh: &Fresh, was_here: bool, is_here: bool) {
        let all = fresh.all();
        self.changed |= all;
        if was_here == is_here {
            self.renewed |= all;
        } else {
            self.moved ^= all;
        }
    }

    /// Whether this generation has to be told.
    pub(super) fn is_needed_by(&self, index: usize, generation: Generation) -> bool {
        let bits = if generation.is_mixed() {
            self.changed
        } else {
            self.moved | self.renewed
        };
        bits & (1 << index) != 0
    }
}

/// What is to be announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// To those who know what was announced before, if anything.
    pub to_told: Option<Presence>,
    /// To each generation of those who have got a snapshot since, if anything.
    pub to_fresh: Vec<Option<Presence>>,
}

impl Announcement {
    pub(super) fn is_empty(&self) -> bool {
        self.to_told.is_none() && self.to_fresh.iter().all(Option::is_none)
    }
}
