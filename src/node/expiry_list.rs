//! When identities expire. There is no timer for each connection: one list holds the ids of clients by
//! the second in which something is due for them. An entry that a newer identity made stale is
//! recognized by its time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::DropGuard;
use uuid::Uuid;

use super::policy::TokenOptions;
use crate::hub::Client;
use crate::protocol::{ChannelName, Identity};

/// The clients whose identities expire, by the second in which something is due.
#[derive(Debug)]
pub(super) struct ExpiryList {
    due: Mutex<BTreeSet<(u64, Uuid)>>,
    /// Grants for one channel, by the second after which they are over.
    grants: Mutex<BTreeSet<(u64, Grant)>>,
    /// There is an entry. Nothing ticks before the first.
    has_entries: Notify,
    options: TokenOptions,
}

/// A client and a channel.
pub(super) type Grant = (Uuid, Arc<str>);

/// What is due for a client in one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// To be told that its token expires.
    Warning,
    /// To be closed.
    End,
}

impl ExpiryList {
    pub(super) fn new(options: TokenOptions) -> Self {
        Self {
            due: Mutex::default(),
            grants: Mutex::default(),
            has_entries: Notify::new(),
            options,
        }
    }

    /// Adds a client whose identity may expire.
    pub(super) fn add(&self, client: &Client) {
        if let Some(expires) = expiry(client) {
            self.insert(self.warning(client.id(), expires), client.id());
        }
    }

    /// Removes a client, before its identity is replaced and when it has gone.
    pub(super) fn remove(&self, client: &Client) {
        if let Some(expires) = expiry(client) {
            let id = client.id();
            let mut due = self.due.lock();
            due.remove(&(self.warning(id, expires), id));
            due.remove(&(self.end(expires), id));
        }
    }

    /// Removes the grant of a client for one channel.
    pub(super) fn remove_grant(&self, client: Uuid, channel: &Arc<str>, identity: &Identity) {
        if let Some(expires) = identity.expires() {
            let grant = (client, channel.clone());
            self.grants.lock().remove(&(unix_seconds(expires), grant));
        }
    }

    /// Adds the grant of a client for one channel.
    pub(super) fn add_grant(&self, client: Uuid, channel: &ChannelName, expires: SystemTime) {
        let grant = (client, channel.as_shared().clone());
        self.grants.lock().insert((unix_seconds(expires), grant));
        self.has_entries.notify_one();
    }

    pub(super) fn insert(&self, second: u64, client: Uuid) {
        self.due.lock().insert((second, client));
        self.has_entries.notify_one();
    }

    /// Takes everything that is due up to this second.
    pub(super) fn take_until(&self, now: u64) -> BTreeSet<(u64, Uuid)> {
        let mut due = self.due.lock();
        let later = due.split_off(&(now.saturating_add(1), Uuid::nil()));
        std::mem::replace(&mut *due, later)
    }

    /// The second in which a client is warned: between 1.5 and 1 times the warning's time before the
    /// end, another for each connection and each token, so that clients whose tokens expire
    /// at the same time do not all ask for new ones at the same time.
    fn warning(&self, client: Uuid, expires: u64) -> u64 {
        let warning = self.options.expiry_warning.as_secs();
        // The lowest bits of a client id are random.
        let random = (client.as_u128() as u64).rotate_left(expires as u32 % 64) & 0xffff;
        let more = u128::from(warning) * u128::from(random) / 0x2_0000;
        let before = warning.saturating_add(more as u64);
        // Before the end in any case: two entries with one second are the same.
        let latest = self.end(expires).saturating_sub(1);
        expires.saturating_sub(before).min(latest)
    }

    pub(super) fn end(&self, expires: u64) -> u64 {
        expires.saturating_add(self.options.leeway.as_secs())
    }

    /// What is due for a client whose entry has this second; `None` if the entry is stale.
    pub(super) fn what(&self, client: &Client, second: u64) -> Option<Due> {
        let expires = expiry(client)?;
        if second == self.warning(client.id(), expires) {
            Some(Due::Warning)
        } else {
            (second == self.end(expires)).then_some(Due::End)
        }
    }

    /// Takes every grant for one channel that is over in this second.
    pub(super) fn take_grants(&self, now: u64) -> impl Iterator<Item = Grant> + use<> {
        let mut grants = self.grants.lock();
        let next = (now.saturating_add(1), (Uuid::nil(), "".into()));
        let later = grants.split_off(&next);
        let taken = std::mem::replace(&mut *grants, later);
        taken.into_iter().map(|(_, grant)| grant)
    }

    /// Returns when there is an entry, or has been one.
    pub(super) async fn has_entries(&self) {
        self.has_entries.notified().await;
    }
}

pub(super) fn expiry(client: &Client) -> Option<u64> {
    let identity = client.identity();
    identity
        .as_deref()
        .and_then(Identity::expires)
        .map(unix_seconds)
}

pub(super) fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Ends the task when it is dropped.
pub(super) type ExpiryTask = std::sync::OnceLock<DropGuard>;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn warnings_of_tokens_that_expire_together_are_spread_over_half_the_time() {
        let list = ExpiryList::new(TokenOptions::default());
        let end = 1_767_225_600;
        let mut before = [0; 31];
        for index in 0..10_000_u128 {
            // Random as the lowest bits of a client's id are.
            let id = Uuid::from_u128(index.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
            let seconds = end - list.warning(id, end);
            assert!((60..=90).contains(&seconds), "{seconds}");
            before[seconds as usize - 60] += 1;
        }
        let most = before.iter().max().unwrap();
        assert!(*most < 600, "10,000 in 30 seconds: {before:?}");
    }

    #[test]
    fn a_warning_is_always_before_the_end() {
        for (warning, leeway) in [(0, 0), (0, 30), (u64::MAX, 0), (60, u64::MAX)] {
            let list = ExpiryList::new(TokenOptions {
                expiry_warning: Duration::from_secs(warning),
                leeway: Duration::from_secs(leeway),
                ..TokenOptions::default()
            });
            let id = Uuid::from_u128(u128::MAX);
            let warned = list.warning(id, 1_767_225_600);
            assert!(warned < list.end(1_767_225_600), "{warning} {leeway}");
        }
    }

    #[test]
    fn only_what_is_due_is_taken_and_each_entry_once() {
        let list = ExpiryList::new(TokenOptions::default());
        let [first, second, third] = [1, 2, 3].map(Uuid::from_u128);
        for (at, id) in [(7, first), (8, second), (7, third), (7, first)] {
            list.insert(at, id);
        }
        assert!(list.take_until(6).is_empty());
        let due: Vec<_> = list.take_until(7).into_iter().collect();
        assert_eq!(due, [(7, first), (7, third)]);
        let rest: Vec<_> = list.take_until(u64::MAX - 1).into_iter().collect();
        assert_eq!(rest, [(8, second)]);
    }
}
