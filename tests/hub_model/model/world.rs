//! The hub under test, with all its clients.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;
use wavecast::history::HistoryLimits;
use wavecast::hub::{Hub, HubOptions, Overflow, Retention, TopicOptions, TopicRules};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::{ChannelName, RoomName, TopicKind};

use super::marked::DIALECTS;
use super::member::Member;
use super::operation::{CHANNELS, Length};
use super::stream::{KEPT, Stream};

pub(super) const MAX_MEMBERS: usize = 3;
/// A client that reads has room for everything that happens at once.
const OUTBOX_BYTES: usize = 32 * 1024;
const OUTBOX_MESSAGES: usize = 16;
/// More entries than operations at once have.
const MAILBOX_ENTRIES: usize = 64;
/// Nothing that the clock ends takes part.
const NEVER: Duration = Duration::from_secs(3600);
const MAX_AGE: Duration = Duration::from_millis(100);
const POSITION_TTL: Duration = Duration::from_millis(200);
/// When all of a history has expired and its position is forgotten.
pub(super) const LONG_AFTER: Duration = Duration::from_millis(600);

pub(super) struct World {
    pub(super) node: Arc<Node>,
    pub(super) members: Vec<Member>,
    /// By channel.
    pub(super) streams: Vec<Stream>,
    /// For each channel, the largest offset that its histories have dropped.
    pub(super) dropped: Vec<u64>,
    /// The number of steps so far.
    pub(super) steps: usize,
    /// Whether several operations wait together.
    pub(super) together: bool,
    /// The number of messages so far, which makes their contents unique.
    said: usize,
    pub(super) evictions: u64,
}

pub(super) fn room(index: usize) -> RoomName {
    RoomName::new(&format!("room{index}")).unwrap()
}

pub(super) fn channel(index: usize) -> ChannelName {
    ChannelName::new(&format!("channel{index}")).unwrap()
}

/// What a channel does when an outbox is full. All but the first keep a history.
pub(super) fn overflow_of_channel(index: usize) -> Overflow {
    use Overflow::{DropOldest, Evict, LatestOnly};
    [Evict, Evict, DropOldest, LatestOnly][index]
}

/// What a room does when an outbox is full.
pub(super) fn overflow_of_room(index: usize) -> Overflow {
    [Overflow::Evict, Overflow::Evict, Overflow::DropOldest][index]
}

fn topics() -> TopicRules {
    let mut rules = TopicRules::all(TopicOptions::default());
    let history = HistoryLimits {
        max_messages: KEPT as usize,
        max_age: MAX_AGE,
        ..HistoryLimits::default()
    };
    for index in 0..CHANNELS {
        let options = TopicOptions {
            history: (index > 0).then_some(history),
            overflow: overflow_of_channel(index),
            ..TopicOptions::default()
        };
        rules = rules.with(TopicKind::Channel, channel(index).as_str(), options);
    }
    let options = TopicOptions {
        overflow: overflow_of_room(2),
        ..TopicOptions::default()
    };
    rules.with(TopicKind::Room, room(2).as_str(), options)
}

impl World {
    pub(super) fn new(shards: usize) -> Self {
        let options = HubOptions {
            shards,
            mailbox_capacity: MAILBOX_ENTRIES,
            outbox_max_messages: OUTBOX_MESSAGES,
            outbox_max_bytes: OUTBOX_BYTES,
            ping_interval: NEVER,
            close_timeout: NEVER,
            topics: topics(),
            retention: Retention {
                position_ttl: POSITION_TTL,
                ..Retention::default()
            },
            ..HubOptions::default()
        };
        let limits = NodeOptions {
            max_clients_per_room: MAX_MEMBERS,
            ..NodeOptions::default()
        };
        let hub = Hub::new(&options, DIALECTS, &TaskTracker::new());
        let streams = (0..CHANNELS).map(|index| Stream::new(index > 0));
        let mut world = Self {
            node: Arc::new(Node::new(hub, limits)),
            members: Vec::new(),
            streams: streams.collect(),
            dropped: vec![0; CHANNELS],
            steps: 0,
            together: false,
            said: 0,
            evictions: 0,
        };
        world.learn_epochs();
        world
    }

    /// One of the clients that are alive.
    pub(super) fn living(&self, who: usize) -> Option<usize> {
        let living: Vec<usize> = (0..self.members.len())
            .filter(|&index| self.members[index].alive)
            .collect();
        (!living.is_empty()).then(|| living[who % living.len()])
    }

    pub(super) fn in_room(&self, room: usize) -> Vec<usize> {
        (0..self.members.len())
            .filter(|&index| self.members[index].rooms.contains(&room))
            .collect()
    }

    pub(super) fn in_channel(&self, channel: usize) -> Vec<usize> {
        (0..self.members.len())
            .filter(|&index| self.members[index].channels.contains_key(&channel))
            .collect()
    }

    pub(super) fn content(&mut self, length: Length) -> String {
        self.said += 1;
        let width = match length {
            Length::Short => 1,
            _ if self.together => 1500,
            Length::Long => 6000,
            Length::Huge => 17_000,
        };
        format!("{:0width$}", self.said)
    }
}
