//! Identities that clients have in one channel alone, by a token for that channel.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;
use uuid::Uuid;

use crate::protocol::{ChannelName, Identity};

type ByChannel = HashMap<Arc<str>, Arc<Identity>>;

/// A channel and the identity in it.
pub(super) type Granted = (Arc<str>, Arc<Identity>);

/// The identities, by client and channel. Few clients have any.
///
/// Bound: as many per client as it may have topics.
#[derive(Debug, Default)]
pub(super) struct ChannelIdentities {
    /// The number of clients that have any: without one, nobody waits for the lock.
    clients: AtomicUsize,
    by_client: Mutex<HashMap<Uuid, ByChannel>>,
}

impl ChannelIdentities {
    /// The identity of a client in a channel, until it expires.
    pub(super) fn get(&self, client: Uuid, channel: &str) -> Option<Arc<Identity>> {
        if self.clients.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let by_client = self.by_client.lock();
        let identity = by_client.get(&client)?.get(channel)?;
        is_in_force(identity).then(|| identity.clone())
    }

    /// Replaces the identity of a client in a channel. Returns those that are over, or `None` if it has
    /// `max` others.
    pub(super) fn set(
        &self,
        client: Uuid,
        channel: &ChannelName,
        identity: Arc<Identity>,
        max: usize,
    ) -> Option<Vec<Granted>> {
        let mut by_client = self.by_client.lock();
        let own = by_client.entry(client).or_default();
        let mut over = Vec::new();
        if own.len() >= max {
            over.extend(own.extract_if(|_, identity| !is_in_force(identity)));
        }
        let name = channel.as_shared();
        over.extend(own.remove_entry(name));
        let has_room = own.len() < max;
        if has_room {
            own.insert(name.clone(), identity);
        }
        self.clients.store(by_client.len(), Ordering::Relaxed);
        has_room.then_some(over)
    }

    /// Takes away the identity of a client in a channel.
    pub(super) fn remove(&self, client: Uuid, channel: &str) {
        if let Some(own) = self.by_client.lock().get_mut(&client) {
            own.remove(channel);
        }
    }

    /// Takes away the identities that this is true of. Returns whose they were, and in which channel.
    pub(super) fn remove_where(
        &self,
        is_over: impl Fn(&Identity) -> bool,
    ) -> Vec<(Uuid, Arc<str>)> {
        let mut removed = Vec::new();
        if self.clients.load(Ordering::Relaxed) == 0 {
            return removed;
        }
        let mut by_client = self.by_client.lock();
        by_client.retain(|client, own| {
            let over = own.extract_if(|_, identity| is_over(identity));
            removed.extend(over.map(|(channel, _)| (*client, channel)));
            !own.is_empty()
        });
        self.clients.store(by_client.len(), Ordering::Relaxed);
        removed
    }

    /// Forgets a client that has gone. Returns what it had.
    pub(super) fn forget(&self, client: Uuid) -> impl Iterator<Item = Granted> + use<> {
        let mut own = None;
        if self.clients.load(Ordering::Relaxed) > 0 {
            let mut by_client = self.by_client.lock();
            own = by_client.remove(&client);
            self.clients.store(by_client.len(), Ordering::Relaxed);
        }
        own.into_iter().flatten()
    }
}

fn is_in_force(identity: &Identity) -> bool {
    identity.expires().is_none_or(|at| at > SystemTime::now())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_identity_is_found_until_it_expires_or_its_client_has_gone() {
        let identities = ChannelIdentities::default();
        let [ada, bob] = [1, 2].map(Uuid::from_u128);
        let news = ChannelName::new("news").unwrap();
        let ends = |seconds: u64| {
            let at = SystemTime::now() + Duration::from_secs(seconds);
            Arc::new(Identity::anonymous().with_expires(at))
        };
        assert!(identities.set(ada, &news, ends(3600), 1).is_some());
        assert!(identities.get(ada, "news").is_some());
        assert!(identities.get(ada, "chat").is_none());
        assert!(identities.get(bob, "news").is_none());
        let chat = ChannelName::new("chat").unwrap();
        assert!(
            identities.set(ada, &chat, ends(3600), 1).is_none(),
            "there is one already"
        );
        let ended = Arc::new(Identity::anonymous().with_expires(SystemTime::UNIX_EPOCH));
        let replaced = identities.set(ada, &news, ended, 1);
        assert_eq!(replaced.unwrap().len(), 1, "its own is replaced");
        assert!(identities.get(ada, "news").is_none());
        assert!(
            identities.set(ada, &chat, ends(3600), 1).is_some(),
            "one that has ended makes room"
        );
        assert_eq!(identities.forget(ada).count(), 1);
        assert!(identities.get(ada, "chat").is_none());
    }
}
