//! Identities that expire: their clients are warned, and then closed.
//!
//! There is no timer for each connection. One list holds the ids of clients by the second in which
//! something is due for them. An entry that a newer identity made stale is recognized by its time.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::Node;
use super::policy::TokenOptions;
use crate::dialect::native::expiry_notice;
use crate::hub::Client;
use crate::protocol::{
    ChannelName, CloseCode, EndReason, Event, EventId, EventName, Identity, ServerMessage,
    TopicKind, timestamp,
};

/// How often the list is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How far the closes of one second are apart.
const BATCH_INTERVAL: Duration = Duration::from_millis(50);

/// The clients whose identities expire, by the second in which something is due.
#[derive(Debug)]
pub(super) struct ExpiryList {
    due: Mutex<BTreeMap<u64, Vec<Uuid>>>,
    /// Grants for one channel, by the second after which they are over.
    grants: Mutex<BTreeMap<u64, Vec<Grant>>>,
    /// There is an entry. Nothing ticks before the first.
    has_entries: Notify,
    options: TokenOptions,
}

/// A client and a channel.
type Grant = (Uuid, Arc<str>);

/// What is due for a client in one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
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

    /// Adds the grant of a client for one channel.
    pub(super) fn add_grant(&self, client: Uuid, channel: &ChannelName, expires: SystemTime) {
        let grant = (client, channel.as_shared().clone());
        let mut grants = self.grants.lock();
        let of_second = grants.entry(unix_seconds(expires)).or_default();
        if !of_second.contains(&grant) {
            of_second.push(grant);
        }
        self.has_entries.notify_one();
    }

    fn insert(&self, second: u64, client: Uuid) {
        self.due.lock().entry(second).or_default().push(client);
        self.has_entries.notify_one();
    }

    /// Takes everything that is due up to this second.
    fn take_until(&self, now: u64) -> Vec<(u64, Vec<Uuid>)> {
        take_until(&mut self.due.lock(), now)
    }

    /// The second in which a client is warned: between 1.5 and 1 times the warning's time before the
    /// end, another for each connection and each token, so that clients whose tokens expire
    /// at the same time do not all ask for new ones at the same time.
    fn warning(&self, client: Uuid, expires: u64) -> u64 {
        let warning = self.options.expiry_warning.as_secs();
        // The lowest bits of a client id are random.
        let random = (client.as_u128() as u64).rotate_left(expires as u32 % 64) & 0xffff;
        expires.saturating_sub(warning + warning * random / 0x2_0000)
    }

    fn end(&self, expires: u64) -> u64 {
        expires.saturating_add(self.options.leeway.as_secs())
    }

    /// What is due for a client whose entry has this second; `None` if the entry is stale.
    fn what(&self, client: &Client, second: u64) -> Option<Due> {
        let expires = expiry(client)?;
        if second == self.warning(client.id(), expires) {
            Some(Due::Warning)
        } else {
            (second == self.end(expires)).then_some(Due::End)
        }
    }
}

impl Node {
    /// Starts the task that warns and closes clients whose identities expire. It ends when the guard
    /// is dropped.
    pub(crate) fn watch_expiry(self: &Arc<Self>, tasks: &TaskTracker, closes_per_second: u32) {
        let stop = CancellationToken::new();
        let (node, list) = (Arc::downgrade(self), self.expiry_list.clone());
        let _ = self.expiry_task.set(stop.clone().drop_guard());
        tasks.spawn(async move {
            let watching = watch(node, list, closes_per_second);
            let _ = stop.run_until_cancelled(watching).await;
        });
    }

    /// Ends the subscription of a client whose grant for a channel has expired, unless it has a newer one
    /// or may be there without it.
    async fn end_granted(&self, id: Uuid, channel: &str) {
        let topic = self.topic(TopicKind::Channel, channel);
        if let (Some(client), Some(topic)) = (self.client(id), topic)
            && client.is_member(&topic)
            && !self.may_remain(&client, &topic).await
        {
            let reason = EndReason::TokenExpired;
            self.end_membership(&client, &topic, reason).await;
        }
    }

    async fn warn(&self, client: &Arc<Client>, left: u64) {
        let now = SystemTime::now();
        let event = Event {
            id: EventId::generate(now),
            timestamp: timestamp(now),
            name: EventName::new("token_expiring").ok(),
            from: None,
            data: expiry_notice(left),
        };
        let channel = ChannelName::system();
        let message = ServerMessage::Event {
            channel: channel.as_str(),
            event: &event,
        };
        // A client whose shard is too busy is not warned; it is closed when the time comes.
        let _ = self.send(client, &message).await;
    }
}

async fn watch(node: Weak<Node>, list: Arc<ExpiryList>, closes_per_second: u32) {
    list.has_entries.notified().await;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(node) = node.upgrade() else {
            return;
        };
        let now = unix_seconds(SystemTime::now());
        let mut ending = Vec::new();
        for (second, clients) in list.take_until(now) {
            for id in clients {
                let Some(client) = node.client(id) else {
                    continue;
                };
                match list.what(&client, second) {
                    Some(Due::Warning) => {
                        let Some(expires) = expiry(&client) else {
                            continue;
                        };
                        list.insert(list.end(expires), id);
                        node.warn(&client, expires.saturating_sub(now)).await;
                    }
                    Some(Due::End) => ending.push(client),
                    None => {}
                }
            }
        }
        let grants = take_until(&mut list.grants.lock(), now);
        for (id, channel) in grants.into_iter().flat_map(|(_, grants)| grants) {
            node.end_granted(id, &channel).await;
        }
        close_paced(&node, &ending, closes_per_second).await;
    }
}

/// Takes everything up to this second.
fn take_until<T>(from: &mut BTreeMap<u64, Vec<T>>, now: u64) -> Vec<(u64, Vec<T>)> {
    let later = from.split_off(&now.saturating_add(1));
    std::mem::replace(from, later).into_iter().collect()
}

/// Closes clients whose tokens have expired, as slowly as a drain does.
async fn close_paced(node: &Node, clients: &[Arc<Client>], per_second: u32) {
    let batch = f64::from(per_second) * BATCH_INTERVAL.as_secs_f64();
    for (index, clients) in clients.chunks((batch as usize).max(1)).enumerate() {
        if index > 0 {
            sleep(BATCH_INTERVAL).await;
        }
        // One that has authenticated again in the meantime stays.
        let expired = clients.iter().filter(|client| {
            let now = unix_seconds(SystemTime::now());
            expiry(client).is_some_and(|expires| node.expiry_list.end(expires) <= now)
        });
        // Together, since each may wait for a shard that is behind.
        let closes = expired.map(|client| node.close(client, CloseCode::TokenExpired, None));
        join_all(closes).await;
    }
}

fn expiry(client: &Client) -> Option<u64> {
    let identity = client.identity();
    identity
        .as_deref()
        .and_then(Identity::expires)
        .map(unix_seconds)
}

fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Ends the task when it is dropped.
pub(super) type ExpiryTask = std::sync::OnceLock<DropGuard>;

#[cfg(test)]
mod tests {
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
    fn only_what_is_due_is_taken() {
        let list = ExpiryList::new(TokenOptions::default());
        let [first, second, third] = [1, 2, 3].map(Uuid::from_u128);
        for (at, id) in [(7, first), (8, second), (7, third)] {
            list.insert(at, id);
        }
        assert_eq!(list.take_until(6), []);
        assert_eq!(list.take_until(7), [(7, vec![first, third])]);
        assert_eq!(list.take_until(u64::MAX), [(8, vec![second])]);
    }
}
