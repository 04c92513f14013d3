//! The book of who is present in one topic.

mod announcing;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::time::{Duration, Instant, SystemTime};

use super::entry::{Before, Entry, Info, PageItem};
use super::form::Form;
use super::fresh::{Fresh, Knows, Pending};
use super::lingering::Lingering;
use super::options::PresenceOptions;
use crate::protocol::{Presence, PresenceCounts, PresenceList, UserId};

/// What longer times are shortened to, so that no clock runs over.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Users that may linger, however few are listed.
const MIN_LINGERING: usize = 100;

/// Who is present in one topic, and what of it has not been announced yet.
///
/// What is announced is what those who watch need: a user who comes and goes in between is left out.
/// Those who have got a [`snapshot`](Self::show) since the last announcement need something else,
/// because it shows what the others have yet to be told. So for everybody who watches, the snapshot and
/// what was announced after it add up to those who are present.
///
/// Bound: one entry of about 100 bytes per user who is a member; as many who linger as are listed, and
/// twice as many of whom something is to be announced. `max_listed` and `max_bytes` bound what is listed.
#[derive(Debug)]
pub struct PresenceBook {
    options: PresenceOptions,
    /// By arrival.
    users: BTreeMap<u64, Entry>,
    arrivals: HashMap<UserId, u64>,
    next_arrival: u64,
    /// Entries of users who have gone, which is still to be announced.
    gone: usize,
    /// Connections, and those of them that have a user.
    connections: usize,
    of_users: usize,
    /// Size of the list of all users.
    bytes: usize,
    lingering: Lingering,
    form: Form,
    is_watched: bool,
    /// The users that are to be announced, by arrival.
    pending: BTreeMap<u64, Pending>,
    /// The number of changes so far.
    changes: u64,
    fresh: Fresh,
    /// The numbers that were announced last.
    told: PresenceCounts,
    last_announced: Option<Instant>,
    /// The first change of users that was not announced, and of connections without a user.
    changed_at: Option<Instant>,
    recounted_at: Option<Instant>,
}

/// A page of those who are present.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of their arrival.
    pub items: Vec<PageItem>,
    /// Whether more follow.
    pub more: bool,
    /// How many there are in all.
    pub counts: PresenceCounts,
}

impl PresenceBook {
    /// An empty one, whose lists take at most `max_bytes` of JSON.
    pub fn new(options: PresenceOptions, max_bytes: usize) -> Self {
        let bounded = |time: Duration| time.min(LONGEST);
        Self {
            options: PresenceOptions {
                linger: bounded(options.linger),
                interval: bounded(options.interval),
                ..options
            },
            users: BTreeMap::new(),
            arrivals: HashMap::new(),
            next_arrival: 0,
            gone: 0,
            connections: 0,
            of_users: 0,
            bytes: 0,
            lingering: Lingering::default(),
            form: Form::new(options.max_listed, max_bytes),
            is_watched: false,
            pending: BTreeMap::new(),
            changes: 0,
            fresh: Fresh::default(),
            told: PresenceCounts::default(),
            last_announced: None,
            changed_at: None,
            recounted_at: None,
        }
    }

    /// How many are present at this time.
    pub fn counts_at(&mut self, now: Instant) -> PresenceCounts {
        self.expire(now);
        self.counts()
    }

    /// Bytes that a list of all users takes, at most; 0 while they are not listed.
    pub fn list_bytes(&self) -> usize {
        if self.form.is_list() { self.bytes } else { 0 }
    }

    fn counts(&self) -> PresenceCounts {
        PresenceCounts {
            users: self.users.len() - self.gone,
            connections: self.connections,
            anonymous: self.connections - self.of_users,
        }
    }

    /// A connection has come, of this user or of nobody. Whether it is the user's first.
    pub fn enter(&mut self, user: Option<(&UserId, Info)>, now: Instant, at: SystemTime) -> bool {
        self.expire(now);
        self.connections += 1;
        let Some((user, info)) = user else {
            self.recount(now);
            return true;
        };
        self.of_users += 1;
        let Some(&arrival) = self.arrivals.get(user) else {
            self.arrive(user, info, now, at);
            return true;
        };
        let Some(entry) = self.users.get_mut(&arrival) else {
            return true;
        };
        entry.connections += 1;
        let is_first = entry.connections == 1;
        let (was_gone, before) = (std::mem::take(&mut entry.is_gone), entry.bytes());
        let seen_before = entry.renew(info);
        let after = entry.bytes();
        if is_first {
            self.lingering.remove(arrival);
        }
        if was_gone {
            self.gone -= 1;
            self.bytes += after;
        } else {
            self.bytes = self.bytes + after - before;
        }
        if was_gone || seen_before.is_some() {
            self.change(arrival, was_gone, seen_before, now);
        }
        is_first
    }

    fn arrive(&mut self, user: &UserId, info: Info, now: Instant, at: SystemTime) {
        let arrival = self.next_arrival;
        self.next_arrival += 1;
        let entry = Entry::new(user.clone(), info, at);
        self.bytes += entry.bytes();
        self.users.insert(arrival, entry);
        self.arrivals.insert(user.clone(), arrival);
        self.change(arrival, true, None, now);
    }

    /// A connection has gone. Whether it was the user's last.
    pub fn leave(&mut self, user: Option<&UserId>, now: Instant) -> bool {
        self.expire(now);
        self.connections = self.connections.saturating_sub(1);
        let arrival = user.and_then(|user| self.arrivals.get(user).copied());
        let entry = arrival.and_then(|arrival| Some((arrival, self.users.get_mut(&arrival)?)));
        let Some((arrival, entry)) = entry.filter(|(_, entry)| entry.connections > 0) else {
            self.recount(now);
            return true;
        };
        self.of_users -= 1;
        entry.connections -= 1;
        if entry.connections > 0 {
            return false;
        }
        if self.options.linger.is_zero() {
            self.go(arrival, now);
        } else {
            self.lingering.insert(arrival, now + self.options.linger);
            self.expire(now);
        }
        true
    }

    /// A user has a newer token.
    pub fn renew(&mut self, user: &UserId, info: Info, now: Instant) {
        let arrival = self.arrivals.get(user).copied();
        let entry = arrival.and_then(|arrival| Some((arrival, self.users.get_mut(&arrival)?)));
        if let Some((arrival, entry)) = entry.filter(|(_, entry)| !entry.is_gone) {
            let before = entry.bytes();
            let seen_before = entry.renew(info);
            self.bytes = self.bytes + entry.bytes() - before;
            if seen_before.is_some() {
                self.change(arrival, false, seen_before, now);
            }
        }
    }

    /// Whether anybody watches. While nobody does, nothing has to be announced.
    pub fn set_watched(&mut self, is_watched: bool) {
        if self.is_watched != is_watched {
            self.is_watched = is_watched;
            self.fresh.clear();
            self.settle();
        }
    }

    /// Whether those who watch have yet to be told that this user is here.
    pub fn is_unannounced(&self, user: &UserId) -> bool {
        let arrival = self.arrivals.get(user);
        let is_changed = arrival.is_some_and(|arrival| self.pending.contains_key(arrival));
        is_changed || self.form.has_changed && self.form.is_list()
    }

    /// Who is present now, for somebody who watches from now on, or watches already.
    pub fn show(&mut self, now: Instant) -> (Presence, Knows) {
        let presence = self.snapshot(now);
        let is_announced = self.changed_at.is_none() && self.recounted_at.is_none();
        let knows = if is_announced {
            Knows::Announced
        } else {
            self.fresh.add(self.changes)
        };
        (presence, knows)
    }

    /// Who is present now, for somebody who does not watch.
    pub fn snapshot(&mut self, now: Instant) -> Presence {
        self.expire(now);
        let list = if self.form.is_list() {
            self.members()
        } else {
            PresenceList::Unlisted
        };
        let counts = self.counts();
        Presence { list, counts }
    }

    /// The first `limit` users who have arrived after the user `after`. `None` if that one is not
    /// present.
    pub fn page(&mut self, after: Option<&UserId>, limit: usize, now: Instant) -> Option<Page> {
        self.expire(now);
        let from = match after {
            None => Bound::Unbounded,
            Some(user) => Bound::Excluded(*self.arrivals.get(user)?),
        };
        let after = self.users.range((from, Bound::Unbounded));
        let mut present = after.map(|(_, entry)| entry).filter(|entry| !entry.is_gone);
        let items = present.by_ref().take(limit).map(Entry::item).collect();
        Some(Page {
            items,
            more: present.next().is_some(),
            counts: self.counts(),
        })
    }

    pub(super) fn members(&self) -> PresenceList {
        let present = self.users.values().filter(|entry| !entry.is_gone);
        PresenceList::Members(present.map(Entry::present).collect())
    }

    /// Nothing is left to be announced: it has been, or nobody needs it.
    fn settle(&mut self) {
        self.settle_pending();
        self.told = self.counts();
        self.form.has_changed = false;
        (self.changed_at, self.recounted_at) = (None, None);
    }

    fn settle_pending(&mut self) {
        for (arrival, _) in std::mem::take(&mut self.pending) {
            self.settle_one(arrival);
        }
    }

    fn settle_one(&mut self, arrival: u64) {
        let Some(entry) = self.users.get_mut(&arrival) else {
            return;
        };
        if !entry.is_gone {
            entry.is_told = true;
            return;
        }
        self.gone -= 1;
        if let Some(entry) = self.users.remove(&arrival) {
            self.arrivals.remove(&entry.user);
        }
    }

    /// How many users may linger.
    fn max_lingering(&self) -> usize {
        self.options.max_listed.max(MIN_LINGERING)
    }

    /// Ends the presence of those who have lingered long enough, and of the first if they are too many.
    fn expire(&mut self, now: Instant) {
        while let Some(arrival) = self.lingering.pop(now, self.max_lingering()) {
            self.go(arrival, now);
        }
    }

    fn go(&mut self, arrival: u64, now: Instant) {
        if let Some(entry) = self.users.get_mut(&arrival) {
            entry.is_gone = true;
            self.bytes -= entry.bytes();
            self.gone += 1;
            self.change(arrival, true, None, now);
        }
    }

    /// A user has come or gone, or shows something else than `before`.
    fn change(&mut self, arrival: u64, has_moved: bool, before: Option<Before>, now: Instant) {
        let users = self.users.len() - self.gone;
        let form_changes = self.form.decide(users, self.bytes);
        if !self.is_watched {
            self.form.has_changed = false;
            self.told = self.counts();
            return self.settle_one(arrival);
        }
        self.changed_at.get_or_insert(now);
        self.changes += 1;
        if form_changes {
            self.fresh.change_form();
        }
        if form_changes && !self.form.is_list() {
            // Nobody keeps a list from now on.
            self.settle_pending();
        }
        if !self.form.is_list() {
            return self.settle_one(arrival);
        }
        let pending = self.pending.entry(arrival).or_default();
        pending.note(&self.fresh, has_moved, before);
        if self.pending.len() > 2 * self.max_lingering() {
            // A list of those who are present is shorter than so many changes.
            self.form.has_changed = true;
            self.fresh.change_form();
            self.settle_pending();
        }
    }

    /// A connection without a user has come or gone.
    fn recount(&mut self, now: Instant) {
        if self.is_watched {
            self.recounted_at.get_or_insert(now);
        } else {
            self.told = self.counts();
        }
        self.fresh.recount();
    }
}

#[cfg(test)]
mod tests;
