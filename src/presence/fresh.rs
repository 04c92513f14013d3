//! Those who have got a snapshot since the last announcement.

use super::entry::{Before, Entry};
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

/// Those who know what was announced before, beside the bits of the generations.
const TOLD: u32 = 1 << MAX_GENERATIONS;

/// A change of a user that has not been announced: a bit for each generation that has not seen it.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Whether something has changed at all.
    changed: u16,
    /// Whether the user was absent then and is present now, or the reverse.
    moved: u16,
    /// The `info` that they have seen of it, if it has changed since.
    renewed: Vec<(u32, Before)>,
}

impl Pending {
    /// `before` is what others have seen of the user, if its `info` has changed.
    pub(super) fn note(&mut self, fresh: &Fresh, has_moved: bool, before: Option<Before>) {
        let all = fresh.all();
        self.changed |= all;
        if has_moved {
            self.moved ^= all;
        }
        if let Some(before) = before {
            let known = self.renewed.iter().fold(0, |bits, (of, _)| bits | of);
            let new = (u32::from(all) | TOLD) & !known;
            if new != 0 {
                self.renewed.push((new, before));
            }
        }
    }

    /// Whether this generation has to be told of the user.
    pub(super) fn is_needed_by(&self, index: usize, generation: Generation, user: &Entry) -> bool {
        let bit = 1_u16 << index;
        if generation.is_mixed() {
            return self.changed & bit != 0;
        }
        self.moved & bit != 0 || !user.is_gone && self.is_renewed(bit.into(), user)
    }

    /// Whether those who know what was announced before have to be told of the user.
    pub(super) fn is_needed_by_told(&self, user: &Entry) -> bool {
        match (user.is_told, user.is_gone) {
            (true, true) | (false, false) => true,
            (false, true) => false,
            (true, false) => self.is_renewed(TOLD, user),
        }
    }

    fn is_renewed(&self, bit: u32, user: &Entry) -> bool {
        let seen = self.renewed.iter().find(|(of, _)| of & bit != 0);
        seen.is_some_and(|(_, before)| *before != user.info.text)
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
