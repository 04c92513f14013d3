//! A shard: a task that owns the outboxes and write sides of its connections, the local
//! members of their topics, and a heartbeat wheel. Only the shard writes to its connections.

mod announcing;
mod apply;
mod classes;
mod connection;
mod deadlines;
mod ending;
mod entry;
mod everyone;
mod eviction_by_total;
mod fan_out;
mod flush;
mod group;
mod heartbeat;
mod link;
mod mailbox;
mod mailboxes;
mod member_page;
mod members;
mod mixed;
mod outbox;
mod outbox_total;
mod permit;
mod pipe;
mod push;
mod ready;
mod replay;
mod run;
mod running_clock;
mod slots;
mod stretch;
mod timers;
mod tls_socket;
mod turn;
mod watchers;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use slab::Slab;
use tokio::time::{Instant, sleep_until};

pub(super) use entry::{Entry, Watching};
pub use entry::{HubClosed, Sent};
pub use link::Link;
pub(super) use mailbox::{Mailbox, MailboxOptions};
pub(super) use mailboxes::{MailboxList, Mailboxes, Permits, Reserved};
pub(super) use outbox_total::OutboxTotal;

pub use pipe::Pipe;
pub use tls_socket::{Received, TlsSocket};

use self::classes::Classes;
use self::connection::{ShardConnection, Stage};
use self::deadlines::Deadlines;
use self::heartbeat::HeartbeatWheel;
use self::members::Members;
use self::outbox::OutboxLimits;
use self::outbox_total::{ShardTotal, SharedFrames};
use self::ready::ReadyList;
use self::running_clock::RunningClock;
use self::turn::Turn;
use super::client::{Client, NO_SLOT, NO_SLOT_YET};
use super::metrics::Metrics;
use super::observer::Notifier;
use super::options::HubOptions;
use super::replies::Replies;
use super::topic::{Topic, TopicId};
use crate::dialect::Dialects;

/// Maximum number of entries taken from the mailbox at once.
const MAX_BATCH: usize = 256;
/// Maximum number of bytes pushed to outboxes, or written directly, between flushes.
const CHUNK_MAX_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Shard {
    mailbox: Arc<Mailbox>,
    /// By slot. Entries, members and deadlines name only slots that are taken: they end before the
    /// slot is released, which is ordered behind them (`ending.rs`). The work lists below may name a
    /// released slot, and look it up with `get`.
    connections: Slab<ShardConnection>,
    /// Boxed, so that the places which the map keeps when many topics have gone are small.
    topics: HashMap<TopicId, Box<Members>>,
    everyone: Arc<Topic>,
    /// Pongs for clients that the shard has not taken over yet.
    too_early: Vec<Entry>,
    /// Slots whose outboxes must be flushed. Bound: each slot once.
    dirty: Vec<u32>,
    /// For each slot with unfinished replays, their topics.
    replaying: HashMap<u32, VecDeque<TopicId>>,
    /// Slots that are due for the next page of a replay. Bound: each slot once.
    replay_queue: VecDeque<u32>,
    ready: Arc<ReadyList>,
    wheel: HeartbeatWheel,
    clock: RunningClock,
    deadlines: Deadlines,
    turn: Turn,
    /// Blocked connections by the size class of their outboxes.
    by_size: BTreeSet<(u8, u32)>,
    shared_frames: SharedFrames,
    own_total: Arc<ShardTotal>,
    outbox_total: Arc<OutboxTotal>,
    /// Bytes queued since the total was last looked at.
    unchecked: usize,
    /// Buffer for the bytes of one chunk, which are written to many sockets.
    scratch: Vec<u8>,
    outbox_limits: OutboxLimits,
    dialects: Dialects,
    /// The classes of its connections.
    classes: Classes,
    /// Maximum number of messages pushed between flushes: a quarter of an outbox, so that a
    /// batch alone never fills a healthy one.
    chunk_max_messages: usize,
    /// Maximum number of bytes pushed between flushes: at most a quarter of an outbox.
    chunk_max_bytes: usize,
    pong_timeout: Duration,
    write_timeout: Duration,
    close_timeout: Duration,
    metrics: Arc<Metrics>,
    notifier: Notifier,
    replies: Arc<Replies>,
}

impl Shard {
    pub(super) fn new(
        mailbox: Arc<Mailbox>,
        everyone: Arc<Topic>,
        options: &HubOptions,
        dialects: Dialects,
        (notifier, replies): (&Notifier, &Arc<Replies>),
        (index, outbox_total): (usize, &Arc<OutboxTotal>),
    ) -> Self {
        let own_total = outbox_total.shard(index).clone();
        let wheel = HeartbeatWheel::new(options.ping_interval, Instant::now());
        Self {
            mailbox,
            connections: Slab::new(),
            topics: HashMap::new(),
            everyone,
            too_early: Vec::new(),
            dirty: Vec::new(),
            replaying: HashMap::new(),
            replay_queue: VecDeque::new(),
            ready: own_total.ready().clone(),
            clock: RunningClock::new(wheel.tick(), Instant::now()),
            wheel,
            deadlines: Deadlines::default(),
            turn: Turn::default(),
            by_size: BTreeSet::new(),
            shared_frames: SharedFrames::default(),
            own_total,
            outbox_total: outbox_total.clone(),
            unchecked: 0,
            scratch: Vec::new(),
            outbox_limits: OutboxLimits {
                max_messages: options.outbox_max_messages,
                max_bytes: options.outbox_max_bytes,
            },
            chunk_max_messages: (options.outbox_max_messages / 4).clamp(1, MAX_BATCH),
            chunk_max_bytes: (options.outbox_max_bytes / 4).min(CHUNK_MAX_BYTES),
            dialects,
            classes: Classes::default(),
            pong_timeout: options.pong_timeout,
            write_timeout: options.write_timeout,
            close_timeout: options.close_timeout,
            metrics: notifier.metrics().clone(),
            notifier: notifier.clone(),
            replies: replies.clone(),
        }
    }

    /// Runs until the mailbox is closed and empty.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        let mut timer = pin!(sleep_until(self.next_timer()));
        loop {
            if timer.deadline() != self.next_timer() {
                timer.as_mut().reset(self.next_timer());
            }
            let (mailbox, ready) = (self.mailbox.clone(), self.ready.clone());
            let mut polls = 0;
            tokio::select! {
                biased;
                () = poll_fn(|cx| {
                    polls += 1;
                    mailbox.poll_waiting(cx)
                }) => {}
                () = ready.wait() => {}
                () = &mut timer => {}
                () = std::future::ready(()), if !self.replay_queue.is_empty() => {}
            }
            self.mailbox.record_turn();
            if polls > 1 {
                // It has slept, so the others have had their turn.
                self.turn = Turn::default();
            }
            if !self.mailbox.take_ordered(&mut batch, MAX_BATCH) {
                break;
            }
            self.apply_urgent();
            self.apply(&mut batch).await;
            self.retry_too_early();
            for slot in self.ready.take() {
                self.unblock(slot);
            }
            if self.ready.take_request() {
                self.evict_by_total();
            }
            self.run_timers().await;
            self.flush_dirty().await;
            self.replay_pages().await;
        }
    }

    /// Yields to other tasks if the turn is over.
    async fn yield_if_due(&mut self) {
        if self.turn.is_over() {
            tokio::task::yield_now().await;
            self.turn = Turn::default();
            self.mailbox.record_turn();
            self.apply_urgent();
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
}

impl Drop for Shard {
    /// Connections do not outlive their shard: their tasks are woken, so that each one ends.
    fn drop(&mut self) {
        self.mailbox.close();
        for (_, connection) in &mut self.connections {
            connection.link.close();
            connection.set_stage(Stage::Dead);
        }
    }
}

/// The client's slot, unless it has been released.
fn slot_of(client: &Arc<Client>) -> Option<u32> {
    let slot = client.slot.load(Ordering::Relaxed);
    (slot < NO_SLOT_YET).then_some(slot)
}
