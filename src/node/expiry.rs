//! What becomes of clients whose identities expire: they are warned, and then closed.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::Node;
use super::expiry_list::{Due, ExpiryList, expiry, unix_seconds};
use crate::dialect::native::expiry_notice;
use crate::hub::Client;
use crate::protocol::{
    ChannelName, CloseCode, EndReason, Event, EventId, EventName, ServerMessage, TopicKind,
    timestamp,
};

/// How often the list is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How far the closes of one second are apart.
const BATCH_INTERVAL: Duration = Duration::from_millis(50);

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

    /// Ends the subscription of a client whose grant for a channel is over, unless it has a newer one
    /// or may be there without it.
    pub(super) async fn end_granted(&self, id: Uuid, channel: &str, reason: EndReason) {
        let topic = self.topic(TopicKind::Channel, channel);
        if let (Some(client), Some(topic)) = (self.client(id), topic)
            && client.is_member(&topic)
            && !self.may_remain(&client, &topic).await
        {
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
    list.has_entries().await;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(node) = node.upgrade() else {
            return;
        };
        let now = unix_seconds(SystemTime::now());
        let mut ending = Vec::new();
        for (second, id) in list.take_until(now) {
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
        for (id, channel) in list.take_grants(now) {
            node.end_granted(id, &channel, EndReason::TokenExpired)
                .await;
        }
        close_paced(&node, &ending, closes_per_second).await;
    }
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
