//! A shard: one task that owns its connections' outboxes and write sides, its topics'
//! local members and its heartbeat wheel. Nobody else writes to those sockets.

mod connection;
mod ending;
mod fan_out;
mod flush;
mod heartbeat;
mod link;
mod mailbox;
mod members;
mod outbox;
mod pipe;
mod push;
mod ready;
mod replay;
mod run;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use slab::Slab;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

pub use link::Link;
pub(super) use mailbox::{Entry, Mailboxes, Permits};
pub use mailbox::{HubClosed, Sent};
pub use pipe::Pipe;

use self::connection::{ShardConnection, Stage};
use self::heartbeat::Wheel;
use self::members::Members;
use self::outbox::OutboxOptions;
use self::ready::ReadyList;
use super::client::{Client, NO_SLOT};
use super::log::Replay;
use super::metrics::Metrics;
use super::observer::Teller;
use super::options::HubOptions;
use super::topic::{EVERYONE, Topic, TopicId};
use crate::dialect::Dialect;
use crate::wire::Frame;

/// Most entries taken from the mailbox at once.
const MAX_BATCH: usize = 256;
/// Most bytes pushed to outboxes, or written directly, before what waits is flushed.
const SEGMENT_BYTES: usize = 64 * 1024;
/// Sockets written before other tasks of the worker get a turn.
const SOCKETS_PER_TURN: usize = 128;

#[derive(Debug)]
pub(super) struct Shard {
    mailbox: mpsc::Receiver<Entry>,
    connections: Slab<ShardConnection>,
    topics: HashMap<TopicId, Members>,
    everyone: Arc<Topic>,
    /// Slots with something to flush.
    dirty: Vec<u32>,
    /// The topics whose past a slot still reads.
    replaying: HashMap<u32, VecDeque<TopicId>>,
    /// Slots that are in line for the next page of a past. Bound: each slot once.
    replay_queue: VecDeque<u32>,
    ready: Arc<ReadyList>,
    wheel: Wheel,
    /// Connections that are closing, by the time at which they are cut off.
    deadlines: BTreeSet<(Instant, u32)>,
    /// Sockets written so far; every so many, the worker's other tasks get a turn.
    writes: usize,
    /// Bytes of one segment, ready to be written to many sockets.
    scratch: Vec<u8>,
    outbox_options: OutboxOptions,
    dialect: &'static dyn Dialect,
    /// Most messages pushed before what waits is flushed: a batch alone never fills a healthy outbox.
    segment_messages: usize,
    segment_bytes: usize,
    pong_timeout: std::time::Duration,
    metrics: Arc<Metrics>,
    teller: Teller,
}

impl Shard {
    pub(super) fn new(
        mailbox: mpsc::Receiver<Entry>,
        everyone: Arc<Topic>,
        options: &HubOptions,
        dialect: &'static dyn Dialect,
        teller: &Teller,
    ) -> Self {
        Self {
            mailbox,
            connections: Slab::new(),
            topics: HashMap::new(),
            everyone,
            dirty: Vec::new(),
            replaying: HashMap::new(),
            replay_queue: VecDeque::new(),
            ready: Arc::default(),
            wheel: Wheel::new(options.ping_interval, Instant::now()),
            deadlines: BTreeSet::new(),
            writes: 0,
            scratch: Vec::new(),
            outbox_options: OutboxOptions {
                max_messages: options.outbox_max_messages,
                max_bytes: options.outbox_max_bytes,
                dialect,
            },
            segment_messages: (options.outbox_max_messages / 4).clamp(1, MAX_BATCH),
            segment_bytes: (options.outbox_max_bytes / 4).min(SEGMENT_BYTES),
            dialect,
            pong_timeout: options.pong_timeout,
            metrics: teller.metrics().clone(),
            teller: teller.clone(),
        }
    }

    /// Runs until every sender of the mailbox is gone.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        let mut timer = pin!(sleep_until(self.next_time()));
        loop {
            if timer.deadline() != self.next_time() {
                timer.as_mut().reset(self.next_time());
            }
            let ready = self.ready.clone();
            tokio::select! {
                biased;
                taken = self.mailbox.recv_many(&mut batch, MAX_BATCH) => if taken == 0 { break },
                () = ready.wait() => {}
                () = &mut timer => {}
                () = std::future::ready(()), if !self.replay_queue.is_empty() => {}
            }
            self.apply(&mut batch).await;
            for slot in self.ready.take() {
                self.unblock(slot);
            }
            self.keep_time();
            self.flush_dirty().await;
            self.replay_pages().await;
        }
    }

    fn next_time(&self) -> Instant {
        let first = self.deadlines.first().map(|&(at, _)| at);
        first.map_or(self.wheel.next(), |at| at.min(self.wheel.next()))
    }

    /// Carries out a batch: everything is queued and flushed once, but a run of
    /// broadcasts at the end goes straight to the sockets that have nothing queued.
    async fn apply(&mut self, batch: &mut Vec<Entry>) {
        let run = run::final_run(batch);
        let (mut messages, mut bytes) = (0, 0);
        for entry in batch.drain(..run) {
            messages += 1;
            bytes += entry.frame_bytes();
            self.apply_one(entry);
            if messages >= self.segment_messages || bytes >= self.segment_bytes {
                self.flush_dirty().await;
                (messages, bytes) = (0, 0);
            }
        }
        if !batch.is_empty() {
            self.fan_out(batch).await;
            batch.clear();
        }
        self.flush_dirty().await;
    }

    fn apply_one(&mut self, entry: Entry) {
        match entry {
            Entry::Connect { client, link } => self.connect(client, link),
            Entry::Join {
                client,
                topic,
                replay,
                ack,
                announce,
            } => {
                if let Some(frame) = announce {
                    self.push_to_members(topic.id(), &frame, None, false, None);
                }
                if let Some(slot) = slot_of(&client) {
                    self.add_member(slot, &topic, replay, ack);
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
                        self.push(slot, frame);
                    }
                }
                if let Some(frame) = announce {
                    self.push_to_members(topic, &frame, None, false, None);
                }
            }
            Entry::Broadcast {
                topic,
                frame,
                sequenced,
                is_publication,
                exclude,
                ack,
            } => {
                let exclude = exclude.as_ref().and_then(slot_of);
                self.push_to_members(topic, &frame, sequenced.as_ref(), is_publication, exclude);
                if let (Some(slot), Some(frame)) = (exclude, ack) {
                    self.push(slot, frame);
                }
            }
            Entry::Send { client, frame } => {
                if let Some(slot) = slot_of(&client) {
                    self.push(slot, frame);
                }
            }
            Entry::Pong { client, frame } => {
                if let Some(slot) = slot_of(&client) {
                    let connection = &mut self.connections[slot as usize];
                    if connection.is_open() {
                        connection.outbox.push_pong(frame);
                        self.mark_dirty(slot);
                    }
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
            Entry::Inspect { clients, reply } => {
                let sent = clients.iter().map(|client| {
                    slot_of(client).map_or_else(Default::default, |slot| {
                        self.connections[slot as usize].sent()
                    })
                });
                // The asker may have stopped waiting.
                let _ = reply.send(sent.collect());
            }
        }
    }

    fn connect(&mut self, client: Arc<Client>, link: Link) {
        let attached = link.is_attached();
        let entry = self.connections.vacant_entry();
        let slot = entry.key() as u32;
        client.slot.store(slot, Ordering::Relaxed);
        entry.insert(ShardConnection::new(client, link));
        if attached {
            let everyone = self.topics.entry(EVERYONE);
            everyone
                .or_insert_with(|| Members::new(self.everyone.clone()))
                .insert(slot);
        }
    }

    fn add_member(
        &mut self,
        slot: u32,
        topic: &Arc<Topic>,
        replay: Option<Replay>,
        ack: Option<Frame>,
    ) {
        self.connections[slot as usize].outbox.seal(topic.id());
        let members = self.topics.remove(&topic.id());
        let mut members = members.unwrap_or_else(|| Members::new(topic.clone()));
        match replay {
            Some(replay) => self.start_replay(&mut members, slot, replay),
            None => members.insert(slot),
        }
        self.topics.insert(topic.id(), members);
        if let Some(frame) = ack {
            self.push(slot, frame);
        }
    }

    fn remove_member(&mut self, topic: TopicId, slot: u32) {
        if let Some(members) = self.topics.get_mut(&topic) {
            members.remove(slot);
            if members.is_empty() {
                self.topics.remove(&topic);
            }
        }
    }

    async fn count_write(&mut self) {
        self.writes += 1;
        if self.writes >= SOCKETS_PER_TURN {
            self.writes = 0;
            tokio::task::yield_now().await;
        }
    }

    fn mark_dirty(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if !connection.dirty && !connection.blocked {
            connection.dirty = true;
            self.dirty.push(slot);
        }
    }

    /// Pings who is due, closes who has not answered, cuts off who is past a deadline.
    fn keep_time(&mut self) {
        let now = Instant::now();
        while let Some(&(at, slot)) = self.deadlines.first() {
            if at > now {
                break;
            }
            self.cut_off(slot);
        }
        while let Some(spoke) = self.wheel.turn(now) {
            for slot in self.wheel.slots_on(spoke, self.connections.capacity()) {
                self.beat(slot, now);
            }
        }
    }

    fn beat(&mut self, slot: u32, now: Instant) {
        let Some(connection) = self.connections.get(slot as usize) else {
            return;
        };
        if !connection.is_open() || !connection.link.is_attached() {
            return;
        }
        let silence = now.saturating_duration_since(connection.client.last_pong());
        if silence > self.pong_timeout {
            self.end_silent(slot);
        } else {
            self.push(slot, self.dialect.ping());
        }
    }
}

impl Drop for Shard {
    /// Connections do not outlive their shard: their tasks are told, so that each ends.
    fn drop(&mut self) {
        for (_, connection) in &mut self.connections {
            connection.link.let_go();
            connection.set_stage(Stage::Dead);
        }
    }
}

fn slot_of(client: &Arc<Client>) -> Option<u32> {
    let slot = client.slot.load(Ordering::Relaxed);
    (slot != NO_SLOT).then_some(slot)
}
