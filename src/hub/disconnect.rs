//! Disconnecting: all of a client's memberships end.
//!
//! It never gives up, since a membership that stays would name a slot that another client gets.
//! But a shard that is stuck must not hold up the topics that have nothing to do with it.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::Hub;
use super::client::Client;
use super::forms::Forms;
use super::membership::LeaveError;
use super::shard::HubClosed;
use super::topic::Topic;
use super::waiting::CLEAN_UP_WAIT;
use crate::dialect::Source;

/// Memberships that end before others get a turn.
const TOPICS_PER_TURN: usize = 64;

impl Hub {
    /// Ends all of a client's memberships and removes it from the registry. `announce` makes
    /// the notice for the other members of each topic. The connection stays with its shard
    /// until [`Hub::release`]. Concurrent calls share the work: when either returns, every
    /// membership has ended. Returns true once for each client.
    ///
    /// Backpressure: while the mailbox of a shard involved in a topic is full, that topic waits
    /// and the others do not. Every 2 s, it looks at all of them again, until none is left.
    /// Cancel safety: the next call continues where this one stopped.
    pub async fn disconnect(
        &self,
        client: &Arc<Client>,
        announce: impl Fn(&Topic) -> Option<Arc<dyn Source>>,
    ) -> Result<bool, HubClosed> {
        let ended_before = std::mem::replace(&mut client.memberships.lock().ended, true);
        if !ended_before {
            if client.is_attached() {
                let mut everyone = self.everyone.state.lock();
                everyone.audience.remove(client.shard);
            }
            self.registry.unlist_client(client);
        }
        let mut topics = Self::departures(client, &announce);
        while !topics.is_empty() {
            let mut waiting = Vec::new();
            for (index, (topic, announcement)) in topics.into_iter().enumerate() {
                if index % TOPICS_PER_TURN == TOPICS_PER_TURN - 1 {
                    tokio::task::yield_now().await;
                }
                let leave = self.end_membership(client, &topic, None, announcement.as_ref());
                match leave.now_or_never() {
                    // A concurrent call may have just ended it.
                    Some(Ok(()) | Err(LeaveError::NotAMember)) => {}
                    Some(Err(LeaveError::Closed(closed))) => return Err(closed),
                    Some(Err(LeaveError::Overloaded)) | None => {
                        waiting.push((topic, announcement));
                    }
                }
            }
            // One after the other while that makes progress; then all of them again, beginning
            // with another one: the shard of the first may be stuck.
            let mut next = 0;
            while let Some((topic, announcement)) = waiting.get(next) {
                let leave = self.end_membership(client, topic, None, announcement.as_ref());
                match timeout(CLEAN_UP_WAIT, leave).await {
                    Ok(Err(LeaveError::Closed(closed))) => return Err(closed),
                    Ok(_) => next += 1,
                    Err(_elapsed) => break,
                }
            }
            topics = waiting.split_off(next);
            if topics.len() > 1 {
                topics.rotate_left(1);
            }
        }
        let mut memberships = client.memberships.lock();
        if memberships.gone {
            return Ok(false);
        }
        memberships.gone = true;
        // Not before: while it is a member, it must be found as the origin of what it published.
        self.registry.remove_client(client);
        self.notifier
            .notify(|observer| observer.disconnected(client.view()));
        Ok(true)
    }

    /// The topics that a client is in, with what their other members are told: the newest first,
    /// which are the cheapest to take out.
    fn departures(
        client: &Client,
        announce: impl Fn(&Topic) -> Option<Arc<dyn Source>>,
    ) -> Vec<(Arc<Topic>, Option<Arc<Forms>>)> {
        let topics = client.topics().into_iter().rev();
        let announced = topics.map(|topic| {
            let forms = announce(&topic).map(Forms::notice);
            (topic, forms)
        });
        announced.collect()
    }
}
