//! Replays: members that read the past before they go live.
//!
//! A replay takes a page of the topic's history whenever the member's outbox is empty, so
//! it fills no outbox and delays nobody. It ends at the newest publication that this
//! shard has broadcast; the next one comes through the mailbox, so there is no seam.

use super::members::Members;
use super::{Shard, TopicId};
use crate::hub::gap::Gap;
use crate::hub::past::Replay;

/// Pages pushed before the shard looks into its mailbox again.
const PAGES_PER_TURN: usize = 32;

impl Shard {
    /// Starts a member at its place in the past, or live if it has missed nothing.
    pub(super) fn start(&mut self, members: &mut Members, slot: u32, replay: Replay) {
        members.broadcast = replay.newest;
        if replay.next > replay.newest {
            members.insert_numbered(slot);
            return;
        }
        members.insert_catching_up(slot, replay.next);
        let topics = self.catching_up.entry(slot).or_default();
        let topic = members.topic.id();
        if !topics.contains(&topic) {
            topics.push_back(topic);
        }
        self.hunger(slot);
    }

    /// Puts a connection whose outbox is empty in line for its next page.
    pub(super) fn hunger(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if !connection.hungry && !connection.blocked {
            connection.hungry = true;
            self.hungry.push_back(slot);
        }
    }

    /// Feeds those in line, each one page after the other.
    pub(super) async fn feed(&mut self) {
        for _ in 0..PAGES_PER_TURN {
            let Some(slot) = self.hungry.pop_front() else {
                return;
            };
            let Some(connection) = self.connections.get_mut(slot as usize) else {
                continue;
            };
            connection.hungry = false;
            if !connection.is_open() {
                self.catching_up.remove(&slot);
            } else if connection.outbox.is_empty() {
                self.feed_one(slot);
                self.flush_dirty().await;
            }
            // What is not empty now is put in line by the flush that empties it.
        }
    }

    fn feed_one(&mut self, slot: u32) {
        let Some(topics) = self.catching_up.get_mut(&slot) else {
            return;
        };
        let Some(topic) = topics.pop_front() else {
            self.catching_up.remove(&slot);
            return;
        };
        if self.push_page(slot, topic) {
            self.catching_up.entry(slot).or_default().push_back(topic);
        }
        // Its outbox may still be empty: nothing was to be pushed.
        if self.catching_up.contains_key(&slot) {
            self.hunger(slot);
        }
    }

    /// Pushes the next page of one topic. False when the member has gone live, or has gone.
    fn push_page(&mut self, slot: u32, topic: TopicId) -> bool {
        let Some(mut members) = self.topics.remove(&topic) else {
            return false;
        };
        let unfinished = self.push_page_of(slot, &mut members);
        self.topics.insert(topic, members);
        unfinished
    }

    fn push_page_of(&mut self, slot: u32, members: &mut Members) -> bool {
        let through = members.broadcast;
        let mut catching_up = members.catching_up.iter_mut();
        let Some(member) = catching_up.find(|member| member.slot == slot) else {
            return false;
        };
        let topic = &members.topic;
        let (limit, bytes) = (self.segment_messages, self.segment_bytes);
        let next = member.next;
        let page = topic.with_past(|past| past.replay(next, through, limit, bytes));
        let first = match &page {
            Some(page) if !page.items.is_empty() => page.first,
            // Everything was dropped from the history meanwhile.
            _ => through + 1,
        };
        let items = page.map(|page| page.items).unwrap_or_default();
        if first > next {
            let gap = Gap::between(next, first - 1);
            self.push(slot, gap.notice(topic));
        }
        member.next = first + items.len() as u64;
        let live = member.next > through;
        self.metrics.replayed_total.add(items.len() as u64);
        for frame in items {
            self.push(slot, frame);
        }
        if live {
            members.insert_numbered(slot);
        }
        !live
    }
}
