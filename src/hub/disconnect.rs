//! Disconnecting: all of a client's memberships end.
//!
//! It never gives up, since a membership that stays would name a slot that another client gets.
//! But a shard that is stuck must not hold up the topics that have nothing to do with it.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::SemaphorePermit;
use tokio::task::yield_now;
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
const TOPICS_PER_TURN: usize = 128;

/// A topic to leave, with what its other members are told.
type Departure = (Arc<Topic>, Option<Arc<Forms>>);

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
        let mut waiting = self.leave_what_it_can(client, &announce).await?;
        while !waiting.is_empty() {
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
            // `next` was found in it, or is its length.
            let mut rest = waiting.split_off(next);
            if rest.len() > 1 {
                rest.rotate_left(1);
            }
            waiting = Vec::new();
            for (index, (topic, announcement)) in rest.into_iter().enumerate() {
                if index % TOPICS_PER_TURN == TOPICS_PER_TURN - 1 {
                    yield_now().await;
                }
                if !self.try_leave(client, &topic, announcement.as_ref())? {
                    waiting.push((topic, announcement));
                }
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
            .notify(|observer| client.with_view(|client| observer.disconnected(client)));
        Ok(true)
    }

    /// Ends every membership that needs no waiting: the newest first, which are the cheapest to take
    /// out. Returns the others.
    async fn leave_what_it_can(
        &self,
        client: &Arc<Client>,
        announce: impl Fn(&Topic) -> Option<Arc<dyn Source>>,
    ) -> Result<Vec<Departure>, HubClosed> {
        let is_long = client.memberships.lock().topics.len() > TOPICS_PER_TURN;
        let turn = self.turn_to_leave(is_long).await;
        let topics = client.topics();
        drop(turn);
        let mut waiting = Vec::new();
        for topics in topics.rchunks(TOPICS_PER_TURN) {
            let _turn = self.turn_to_leave(is_long).await;
            for topic in topics.iter().rev() {
                let announcement = announce(topic).map(Forms::notice);
                if !self.try_leave(client, topic, announcement.as_ref())? {
                    waiting.push((topic.clone(), announcement));
                }
            }
        }
        Ok(waiting)
    }

    /// For long work: waits for one of a few permits, and then until nothing else is ready to run.
    /// Many clients that leave at once, each with many topics, must not keep others waiting.
    async fn turn_to_leave(&self, is_long: bool) -> Option<SemaphorePermit<'_>> {
        if !is_long {
            return None;
        }
        // The semaphore is never closed.
        let turn = self.departures.acquire().await.ok();
        yield_now().await;
        turn
    }

    /// Ends a membership if that needs no waiting. Returns whether it has ended.
    fn try_leave(
        &self,
        client: &Arc<Client>,
        topic: &Arc<Topic>,
        announcement: Option<&Arc<Forms>>,
    ) -> Result<bool, HubClosed> {
        let leave = self.end_membership(client, topic, None, announcement);
        match leave.now_or_never() {
            // A concurrent call may have just ended it.
            Some(Ok(()) | Err(LeaveError::NotAMember)) => Ok(true),
            Some(Err(LeaveError::Closed(closed))) => Err(closed),
            Some(Err(LeaveError::Overloaded)) | None => Ok(false),
        }
    }
}
