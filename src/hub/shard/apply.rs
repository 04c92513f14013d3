//! Carrying out what is in the mailbox.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::connection::ShardConnection;
use super::entry::{Entry, Watching};
use super::link::Link;
use super::mailbox::Waiting;
use super::members::Members;
use super::permit::Charge;
use super::{Shard, run, slot_of};
use crate::hub::client::{Client, NO_SLOT_YET};
use crate::hub::forms::FormKey;
use crate::hub::log::Replay;
use crate::hub::topic::{Topic, TopicId};
use crate::wire::Frame;

impl Shard {
    /// Carries out everything in the urgent lane.
    pub(super) fn apply_urgent(&mut self) {
        for entry in self.mailbox.take_urgent() {
            if is_too_early(&entry) {
                self.too_early.push(entry);
            } else {
                self.apply_one(entry);
            }
        }
    }

    /// Tries again the pongs that overtook their client's connect, which is in the ordered lane.
    pub(super) fn retry_too_early(&mut self) {
        for entry in std::mem::take(&mut self.too_early) {
            if is_too_early(&entry) {
                self.too_early.push(entry);
            } else {
                self.apply_one(entry);
            }
        }
    }

    /// Carries out a batch. Stretches of broadcasts are written straight to sockets with nothing
    /// queued; other entries are pushed to outboxes, which are flushed together.
    pub(super) async fn apply(&mut self, batch: &mut Vec<Waiting>) {
        let mut entries = std::mem::take(batch);
        let mut rest = entries.drain(..);
        let (mut messages, mut bytes) = (0, 0);
        while !rest.as_slice().is_empty() {
            let stretch = run::stretch_len(rest.as_slice());
            if stretch > 0 {
                self.fan_out(&rest.as_slice()[..stretch]).await;
                let mut charge = Charge::default();
                for done in rest.by_ref().take(stretch) {
                    charge += done.charge;
                }
                self.mailbox.release(charge);
                continue;
            }
            let Some(Waiting { entry, charge }) = rest.next() else {
                break;
            };
            messages += 1;
            bytes += entry.frame_bytes();
            if let Entry::Announce {
                topic,
                to_told,
                to_fresh,
            } = &entry
            {
                self.announce(*topic, to_told.as_deref(), to_fresh).await;
            } else {
                self.apply_one(entry);
            }
            self.mailbox.release(charge);
            if messages >= self.chunk_max_messages || bytes >= self.chunk_max_bytes {
                self.flush_dirty().await;
                (messages, bytes) = (0, 0);
            }
        }
        drop(rest);
        *batch = entries;
        self.flush_dirty().await;
    }

    pub(super) fn apply_one(&mut self, entry: Entry) {
        match entry {
            Entry::Connect { client, link } => self.connect(client, link),
            Entry::Join {
                client,
                topic,
                replay,
                watching,
                ack,
                announce,
            } => {
                if let Some(forms) = announce {
                    self.push_to_members(topic.id(), &forms);
                }
                if let Some(slot) = slot_of(&client) {
                    self.add_member(slot, &topic, (replay, watching), ack);
                }
            }
            Entry::Watch {
                client,
                topic,
                watching,
                ack,
            } => {
                if let Some(slot) = slot_of(&client) {
                    self.watch(slot, (topic, watching), ack);
                }
            }
            Entry::Leave {
                client,
                topic,
                ack,
                announce,
            } => {
                if let Some(slot) = slot_of(&client) {
                    self.remove_member(topic, slot);
                    self.connections[slot as usize].outbox.seal(topic);
                    if let Some(frame) = ack {
                        self.push_reply(slot, frame, None);
                    }
                }
                if let Some(forms) = announce {
                    self.push_to_members(topic, &forms);
                }
            }
            // These have a way of their own: see `apply`.
            Entry::Broadcast { .. } | Entry::Announce { .. } => {}
            Entry::Send { client, frame } => {
                if let Some(slot) = slot_of(&client) {
                    self.push(slot, frame);
                }
            }
            Entry::Reply {
                client,
                frame,
                charge,
            } => {
                if let Some(slot) = slot_of(&client) {
                    self.push_reply(slot, frame, charge);
                }
            }
            Entry::Pong {
                client,
                frame,
                charge,
            } => {
                if let Some(slot) = slot_of(&client) {
                    self.push_pong(slot, frame, charge);
                }
            }
            Entry::Close {
                client,
                frame,
                linger,
            } => {
                if let Some(slot) = slot_of(&client) {
                    self.close(slot, frame, linger);
                }
            }
            Entry::Release { client, reset } => {
                if let Some(slot) = slot_of(&client) {
                    self.release(slot, reset);
                }
            }
            Entry::Members {
                topic,
                after,
                limit,
                reply,
            } => {
                // The caller may have stopped waiting.
                let _ = reply.send(self.members_after(topic, after, limit));
            }
            Entry::Inspect { clients, reply } => {
                let sent = clients.iter().map(|client| {
                    slot_of(client).map_or_else(Default::default, |slot| {
                        self.connections[slot as usize].sent()
                    })
                });
                // The caller may have stopped waiting.
                let _ = reply.send(sent.collect());
            }
        }
    }

    pub(super) fn connect(&mut self, client: Arc<Client>, link: Link) {
        if client.is_attached() {
            self.classes.add(client.class());
        }
        let entry = self.connections.vacant_entry();
        let slot = entry.key() as u32;
        client.slot.store(slot, Ordering::Relaxed);
        link.set_writer(|| self.ready.waker(slot));
        entry.insert(ShardConnection::new(client, link));
    }

    pub(super) fn add_member(
        &mut self,
        slot: u32,
        topic: &Arc<Topic>,
        (replay, watching): (Option<Replay>, Option<Watching>),
        ack: Option<Frame>,
    ) {
        self.connections[slot as usize].outbox.seal(topic.id());
        let members = self.topics.remove(&topic.id());
        let mut members = members.unwrap_or_else(|| Box::new(Members::new(topic.clone())));
        if let Some(replay) = replay {
            self.start_replay(&mut members, slot, replay);
        } else {
            let class = self.connections[slot as usize].client.class();
            members.insert(slot, FormKey::new(class, false));
        }
        self.topics.insert(topic.id(), members);
        if let Some(watching) = watching {
            self.set_watching(topic.id(), slot, watching);
        }
        if let Some(frame) = ack {
            self.push_reply(slot, frame, None);
        }
    }

    pub(super) fn remove_member(&mut self, topic: TopicId, slot: u32) {
        if let Some(members) = self.topics.get_mut(&topic) {
            members.leave(slot);
            if members.is_empty() {
                self.topics.remove(&topic);
            }
        }
    }
}

/// Whether an urgent entry has overtaken its client's connect.
fn is_too_early(entry: &Entry) -> bool {
    match entry {
        Entry::Pong { client, .. } => client.slot.load(Ordering::Relaxed) == NO_SLOT_YET,
        _ => false,
    }
}
