//! What of a book has to be announced, and when.

use std::time::Instant;

use super::PresenceBook;
use crate::presence::entry::Entry;
use crate::presence::fresh::{Announcement, Generation, Pending};
use crate::protocol::{Presence, PresenceCounts, PresenceList};

impl PresenceBook {
    /// When there is something to do next: to announce, or to look whether somebody has gone.
    pub fn due(&self) -> Option<Instant> {
        let end = if self.is_watched {
            self.lingering.first_end()
        } else {
            self.lingering.last_end()
        };
        [self.announcement_due(), end].into_iter().flatten().min()
    }

    pub(super) fn announcement_due(&self) -> Option<Instant> {
        let interval = self.options.interval;
        let recounted = self.recounted_at.map(|at| at + interval);
        let changed = [self.changed_at, recounted].into_iter().flatten().min()?;
        let again = self.last_announced.map(|at| at + interval);
        Some(again.map_or(changed, |again| again.max(changed)))
    }

    /// Whether something may be announced now.
    pub fn is_due(&mut self, now: Instant) -> bool {
        self.expire(now);
        self.announcement_due().is_some_and(|due| due <= now)
    }

    /// About how many bytes the next announcement takes, at most.
    pub fn announcement_bytes(&self) -> usize {
        let entries = self.pending.keys().filter_map(|at| self.users.get(at));
        match (self.form.is_list(), self.form.has_changed) {
            (false, _) => 0,
            (true, true) => self.bytes,
            // Instead of a list that is too large, those who are present are announced.
            (true, false) => self.form.bounded(entries.map(Entry::bytes).sum()),
        }
    }

    /// What is to be announced to those who watch, if anything.
    pub fn take(&mut self, now: Instant) -> Option<Announcement> {
        self.expire(now);
        (self.changed_at, self.recounted_at) = (None, None);
        if !self.is_watched {
            return None;
        }
        let counts = self.counts();
        let announce = |list| Presence { list, counts };
        let announcement = Announcement {
            to_told: self.for_told(counts).map(announce),
            to_fresh: self
                .fresh
                .iter()
                .map(|(index, generation)| self.for_fresh(index, generation).map(announce))
                .collect(),
        };
        self.settle();
        if announcement.is_empty() {
            return None;
        }
        self.fresh.clear();
        self.last_announced = Some(now);
        Some(announcement)
    }

    fn for_told(&self, counts: PresenceCounts) -> Option<PresenceList> {
        let has_other_form = self.form.has_changed;
        let is_recounted = counts.anonymous != self.told.anonymous;
        if !self.form.is_list() {
            let is_other = has_other_form || is_recounted || counts.users != self.told.users;
            return is_other.then_some(PresenceList::Unlisted);
        }
        if has_other_form {
            return Some(self.members());
        }
        self.changes(is_recounted, |entry, pending| {
            pending.is_needed_by_told(entry)
        })
    }

    fn for_fresh(&self, index: usize, fresh: Generation) -> Option<PresenceList> {
        if self.changes == fresh.first && !fresh.is_recounted {
            return None;
        }
        if !self.form.is_list() {
            return Some(PresenceList::Unlisted);
        }
        if fresh.has_other_form {
            return Some(self.members());
        }
        self.changes(fresh.is_recounted, |entry, pending| {
            pending.is_needed_by(index, fresh, entry)
        })
    }

    /// The changes of those users of whom it `is_needed`, if there are any, or numbers have to be told.
    /// If they are too large, all who are present.
    fn changes(
        &self,
        is_recounted: bool,
        is_needed: impl Fn(&Entry, &Pending) -> bool,
    ) -> Option<PresenceList> {
        let (mut joined, mut left, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (arrival, pending) in &self.pending {
            let entry = self.users.get(arrival);
            let Some(entry) = entry.filter(|entry| is_needed(entry, pending)) else {
                continue;
            };
            bytes += entry.bytes();
            if self.form.is_too_large(bytes) {
                return Some(self.members());
            }
            if entry.is_gone {
                left.push(entry.user.clone());
            } else {
                joined.push(entry.present());
            }
        }
        let is_empty = joined.is_empty() && left.is_empty() && !is_recounted;
        (!is_empty).then_some(PresenceList::Changes { joined, left })
    }
}
