//! Replays a topic's history to members that resume, before they go live.
//!
//! A replay pushes one page of history whenever the member's outbox is empty, so it never fills
//! an outbox and never delays other members. It ends with the newest publication that this
//! shard has broadcast. The next one arrives through the mailbox, so nothing is missed or
//! repeated.

use super::members::{Members, Replaying};
use super::{Shard, TopicId};
use crate::dialect::At;
use crate::hub::forms::FormKey;
use crate::hub::log::Replay;
use crate::protocol::Gap;

/// Pages pushed before the shard checks its mailbox again.
const PAGES_PER_TURN: usize = 32;

impl Shard {
    /// Starts a member's replay, or makes it live at once if it has missed nothing.
    pub(super) fn start_replay(&mut self, members: &mut Members, slot: u32, replay: Replay) {
        members.last_broadcast = replay.newest;
        let class = self.connections[slot as usize].client.class();
        if replay.next > replay.newest {
            members.insert(slot, FormKey::new(class, true));
            return;
        }
        let next = replay.next;
        members.insert_replaying(slot, Replaying { next, class });
        let topics = self.replaying.entry(slot).or_default();
        let topic = members.topic.id();
        if !topics.contains(&topic) {
            topics.push_back(topic);
        }
        self.queue_replay(slot);
    }

    /// Queues a connection for its next page, unless its socket is blocked.
    pub(super) fn queue_replay(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if !connection.in_replay_queue && !connection.blocked {
            connection.in_replay_queue = true;
            self.replay_queue.push_back(slot);
        }
    }

    /// Pushes one page to each queued connection in turn.
    pub(super) async fn replay_pages(&mut self) {
        for _ in 0..PAGES_PER_TURN {
            let Some(slot) = self.replay_queue.pop_front() else {
                return;
            };
            let Some(connection) = self.connections.get_mut(slot as usize) else {
                continue;
            };
            connection.in_replay_queue = false;
            if !connection.is_open() {
                self.replaying.remove(&slot);
            } else if connection.outbox.is_empty() {
                self.replay_page(slot);
                self.flush_dirty().await;
            }
            // Otherwise the flush that empties the outbox queues the connection again.
        }
    }

    fn replay_page(&mut self, slot: u32) {
        let Some(topics) = self.replaying.get_mut(&slot) else {
            return;
        };
        let Some(topic) = topics.pop_front() else {
            self.replaying.remove(&slot);
            return;
        };
        if self.push_page(slot, topic) {
            self.replaying.entry(slot).or_default().push_back(topic);
        }
        // The page may have been empty, and then no flush would queue the connection.
        if self.replaying.contains_key(&slot) {
            self.queue_replay(slot);
        }
    }

    /// Pushes the next page of one topic. Returns false once the replay is over: the member
    /// has gone live, or has left.
    fn push_page(&mut self, slot: u32, topic: TopicId) -> bool {
        let Some(mut members) = self.topics.remove(&topic) else {
            return false;
        };
        let unfinished = self.push_page_of(slot, &mut members);
        self.topics.insert(topic, members);
        unfinished
    }

    fn push_page_of(&mut self, slot: u32, members: &mut Members) -> bool {
        let through = members.last_broadcast;
        let Some(&Replaying { next, class }) = members.replaying.get(&slot) else {
            return false;
        };
        let topic = &members.topic;
        let (limit, bytes) = (self.chunk_max_messages, self.chunk_max_bytes);
        let page = topic.with_log(|log| (log.replay(next, through, limit, bytes), log.top().epoch));
        let (page, epoch) = page.unzip();
        let first = match &page {
            Some(page) if !page.items.is_empty() => page.first,
            // The history has dropped everything up to `through` meanwhile.
            _ => through + 1,
        };
        let items = page.map(|page| page.items).unwrap_or_default();
        if first > next {
            let gap = Gap::between(next, first - 1);
            let dialect = self.dialects.of(class);
            self.push(slot, dialect.gap(topic.full_name(), gap));
        }
        let next = first + items.len() as u64;
        let live = next > through;
        self.metrics.replayed_total.add(items.len() as u64);
        let epoch = epoch.as_deref().unwrap_or_default();
        for (offset, kept) in (first..).zip(items) {
            self.push(slot, kept.form(class, At { offset, epoch }));
        }
        if live {
            members.insert(slot, FormKey::new(class, true));
        } else {
            members.replaying.insert(slot, Replaying { next, class });
        }
        !live
    }
}
