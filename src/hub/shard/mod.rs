//! A shard: a task that owns the outboxes and write sides of its connections, the local
//! members of their topics, and a heartbeat wheel. Only the shard writes to its connections.

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
use self::heartbeat::HeartbeatWheel;
use self::members::Members;
use self::outbox::OutboxOptions;
use self::ready::ReadyList;
use super::client::{Client, NO_SLOT};
use super::log::Replay;
use super::metrics::Metrics;
use super::observer::Notifier;
use super::options::HubOptions;
use super::topic::{EVERYONE, Topic, TopicId};
use crate::dialect::Dialect;
use crate::wire::Frame;

/// Maximum number of entries taken from the mailbox at once.
const MAX_BATCH: usize = 256;
/// Maximum number of bytes pushed to outboxes, or written directly, between flushes.
const CHUNK_MAX_BYTES: usize = 64 * 1024;
/// Sockets written before the shard yields to other tasks.
const SOCKETS_PER_TURN: usize = 128;

#[derive(Debug)]
pub(super) struct Shard {
    mailbox: mpsc::Receiver<Entry>,
    connections: Slab<ShardConnection>,
    topics: HashMap<TopicId, Members>,
    everyone: Arc<Topic>,
    /// Slots whose outboxes must be flushed. Bound: each slot once.
    dirty: Vec<u32>,
    /// For each slot with unfinished replays, their topics.
    replaying: HashMap<u32, VecDeque<TopicId>>,
    /// Slots that are due for the next page of a replay. Bound: each slot once.
    replay_queue: VecDeque<u32>,
    ready: Arc<ReadyList>,
    wheel: HeartbeatWheel,
    /// Connections that are closing, by the time at which they are reset.
    deadlines: BTreeSet<(Instant, u32)>,
    /// Sockets written since the shard last yielded.
    writes: usize,
    /// Buffer for the bytes of one chunk, which are written to many sockets.
    scratch: Vec<u8>,
    outbox_options: OutboxOptions,
    dialect: &'static dyn Dialect,
    /// Maximum number of messages pushed between flushes: a quarter of an outbox, so that a
    /// batch alone never fills a healthy one.
    chunk_max_messages: usize,
    /// Maximum number of bytes pushed between flushes: at most a quarter of an outbox.
    chunk_max_bytes: usize,
    pong_timeout: std::time::Duration,
    metrics: Arc<Metrics>,
    notifier: Notifier,
}

impl Shard {
    pub(super) fn new(
        mailbox: mpsc::Receiver<Entry>,
        everyone: Arc<Topic>,
        options: &HubOptions,
        dialect: &'static dyn Dialect,
        notifier: &Notifier,
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
            wheel: HeartbeatWheel::new(options.ping_interval, Instant::now()),
            deadlines: BTreeSet::new(),
            writes: 0,
            scratch: Vec::new(),
            outbox_options: OutboxOptions {
                max_messages: options.outbox_max_messages,
                max_bytes: options.outbox_max_bytes,
                dialect,
            },
            chunk_max_messages: (options.outbox_max_messages / 4).clamp(1, MAX_BATCH),
            chunk_max_bytes: (options.outbox_max_bytes / 4).min(CHUNK_MAX_BYTES),
            dialect,
            pong_timeout: options.pong_timeout,
            metrics: notifier.metrics().clone(),
            notifier: notifier.clone(),
        }
    }

    /// Runs until every sender of the mailbox has been dropped.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        let mut timer = pin!(sleep_until(self.next_timer()));
        loop {
            if timer.deadline() != self.next_timer() {
                timer.as_mut().reset(self.next_timer());
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
            self.run_timers();
            self.flush_dirty().await;
            self.replay_pages().await;
        }
    }

    fn next_timer(&self) -> Instant {
        let first = self.deadlines.first().map(|&(at, _)| at);
        let tick = self.wheel.next_tick();
        first.map_or(tick, |at| at.min(tick))
    }

    /// Carries out a batch. Entries are pushed to outboxes and flushed together, except that a
    /// run of broadcasts at the end is written straight to sockets with nothing queued.
    async fn apply(&mut self, batch: &mut Vec<Entry>) {
        let run = run::trailing_run(batch);
        let (mut messages, mut bytes) = (0, 0);
        for entry in batch.drain(..run) {
            messages += 1;
            bytes += entry.frame_bytes();
            self.apply_one(entry);
            if messages >= self.chunk_max_messages || bytes >= self.chunk_max_bytes {
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
                // The caller may have stopped waiting.
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

    /// Counts a socket written, and yields to other tasks after many of them.
    async fn count_write(&mut self) {
        self.writes += 1;
        if self.writes >= SOCKETS_PER_TURN {
            self.writes = 0;
            tokio::task::yield_now().await;
        }
    }

    /// Schedules a connection to be flushed, unless its socket is blocked.
    fn mark_dirty(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if !connection.dirty && !connection.blocked {
            connection.dirty = true;
            self.dirty.push(slot);
        }
    }

    /// Resets closing connections whose deadline has passed, and checks the heartbeat of the
    /// connections that are due.
    fn run_timers(&mut self) {
        let now = Instant::now();
        while let Some(&(at, slot)) = self.deadlines.first() {
            if at > now {
                break;
            }
            self.reset(slot);
        }
        while let Some(bucket) = self.wheel.advance(now) {
            for slot in self.wheel.slots_in(bucket, self.connections.capacity()) {
                self.check_heartbeat(slot, now);
            }
        }
    }

    /// Pings the client, or closes it if it has not answered for too long.
    fn check_heartbeat(&mut self, slot: u32, now: Instant) {
        let Some(connection) = self.connections.get(slot as usize) else {
            return;
        };
        if !connection.is_open() || !connection.link.is_attached() {
            return;
        }
        let silence = now.saturating_duration_since(connection.client.last_pong_at());
        if silence > self.pong_timeout {
            self.close_unresponsive(slot);
        } else {
            self.push(slot, self.dialect.ping());
        }
    }
}

impl Drop for Shard {
    /// Connections do not outlive their shard: their tasks are woken, so that each one ends.
    fn drop(&mut self) {
        for (_, connection) in &mut self.connections {
            connection.link.close();
            connection.set_stage(Stage::Dead);
        }
    }
}

/// The client's slot, unless it has been released.
fn slot_of(client: &Arc<Client>) -> Option<u32> {
    let slot = client.slot.load(Ordering::Relaxed);
    (slot != NO_SLOT).then_some(slot)
}
