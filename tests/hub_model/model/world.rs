//! The hub under test, with all its clients.

use tokio_util::task::TaskTracker;
use wavecast::dialect::Dialects;
use wavecast::hub::{Hub, HubOptions};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::{ChannelName, RoomName};

use super::member::Member;

pub(super) const MAX_MEMBERS: usize = 3;
const OUTBOX_BYTES: usize = 16 * 1024;
const OUTBOX_MESSAGES: usize = 4;

pub(super) struct World {
    pub(super) node: Node,
    pub(super) members: Vec<Member>,
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

impl World {
    pub(super) fn new(shards: usize) -> Self {
        let options = HubOptions {
            shards,
            mailbox_capacity: 4,
            outbox_max_messages: OUTBOX_MESSAGES,
            outbox_max_bytes: OUTBOX_BYTES,
            ..HubOptions::default()
        };
        let limits = NodeOptions {
            max_clients_per_room: MAX_MEMBERS,
            ..NodeOptions::default()
        };
        Self {
            node: Node::new(
                Hub::new(&options, Dialects::default(), &TaskTracker::new()),
                limits,
            ),
            members: Vec::new(),
            said: 0,
            evictions: 0,
        }
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
            .filter(|&index| self.members[index].channels.contains(&channel))
            .collect()
    }

    pub(super) fn content(&mut self, long: bool) -> String {
        self.said += 1;
        format!("{:0width$}", self.said, width = if long { 6000 } else { 1 })
    }
}
