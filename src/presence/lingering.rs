//! Users whose last connection has gone, and who are listed a little longer.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// Ends that are superseded may be this many more than twice those that hold.
const SLACK: usize = 32;

/// Users without a connection, by their arrival, with the time at which they are gone. All linger for the
/// same time, so the ends are in order.
///
/// Bound: the ends are at most about twice as many as the users in it.
#[derive(Debug, Default)]
pub(super) struct Lingering {
    ends: VecDeque<(Instant, u64)>,
    users: HashMap<u64, Instant>,
}

impl Lingering {
    pub(super) fn insert(&mut self, arrival: u64, end: Instant) {
        self.users.insert(arrival, end);
        self.ends.push_back((end, arrival));
    }

    /// The user is back.
    pub(super) fn remove(&mut self, arrival: u64) {
        self.users.remove(&arrival);
        if self.ends.len() > 2 * self.users.len() + SLACK {
            let users = &self.users;
            self.ends
                .retain(|(end, arrival)| users.get(arrival) == Some(end));
        }
    }

    /// Removes and returns a user whose time is over, or the first of more than `max`.
    pub(super) fn pop(&mut self, now: Instant, max: usize) -> Option<u64> {
        let are_many = self.users.len() > max;
        let is_over = |(end, _): &&(Instant, u64)| are_many || *end <= now;
        while let Some(&(end, arrival)) = self.ends.front().filter(is_over) {
            self.ends.pop_front();
            if self.users.get(&arrival) == Some(&end) {
                self.users.remove(&arrival);
                return Some(arrival);
            }
        }
        None
    }

    /// When the first of them is gone, at the earliest.
    pub(super) fn first_end(&self) -> Option<Instant> {
        let first = self.ends.front().filter(|_| !self.users.is_empty());
        first.map(|(end, _)| *end)
    }

    /// When all of them are gone.
    pub(super) fn last_end(&self) -> Option<Instant> {
        let last = self.ends.back().filter(|_| !self.users.is_empty());
        last.map(|(end, _)| *end)
    }
}
