//! A topic: what rooms and channels are inside the hub.
//!
//! Ordering: everything a topic sends is put into the mailboxes under the topic's lock,
//! so every member sees the same order, and a member sees nothing from before its
//! acknowledgement or after its end.

use std::sync::Arc;

use parking_lot::Mutex;

use super::client::Client;
use super::mailbox::{Entry, Places};
use crate::wire::Frame;

/// Rooms and channels have names of their own, each kind apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicKind {
    /// A two-way group whose membership is limited and announced.
    Room,
    /// One-way: clients subscribe, backends publish.
    Channel,
}

/// Identity of a topic for as long as the process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct TopicId(pub(super) u64);

/// The topic every connection is in.
pub(super) const EVERYONE: TopicId = TopicId(0);

/// One topic.
#[derive(Debug)]
pub struct Topic {
    id: TopicId,
    kind: TopicKind,
    name: Arc<str>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The topic has left the registry; whoever still holds it looks it up again.
    retired: bool,
    /// Broadcasts so far.
    publications: u64,
    members: usize,
    /// Members a shard.
    local: Box<[u32]>,
}

/// A place in some shard's mailbox was not reserved, or the topic has retired: nothing
/// was changed, and the caller starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Again;

/// How a join ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JoinOutcome {
    /// The client is a member, one of so many.
    Joined(usize),
    /// The topic has as many members as it may have.
    Full,
}

impl Topic {
    pub(super) fn new(id: TopicId, kind: TopicKind, name: Arc<str>, shards: usize) -> Self {
        Self {
            id,
            kind,
            name,
            state: Mutex::new(State {
                retired: false,
                publications: 0,
                members: 0,
                local: vec![0; shards].into(),
            }),
        }
    }

    /// Room or channel.
    pub fn kind(&self) -> TopicKind {
        self.kind
    }

    /// The topic's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Members now.
    pub fn members(&self) -> usize {
        self.state.lock().members
    }

    /// Broadcasts so far.
    pub fn publications(&self) -> u64 {
        self.state.lock().publications
    }

    /// Which shards have members now. By the time the places are reserved this may be
    /// out of date; the operations below check again under the lock.
    pub(super) fn shards_with_members(&self) -> Vec<bool> {
        let state = self.state.lock();
        state.local.iter().map(|&members| members > 0).collect()
    }

    /// Marks an empty topic as retired. The caller then takes it out of the registry.
    pub(super) fn retire_if_empty(&self) -> bool {
        let mut state = self.state.lock();
        state.retired |= state.members == 0;
        state.retired
    }

    /// Puts `frame` into the mailbox of each shard that has members and returns how many
    /// members there are.
    pub(super) fn broadcast(
        &self,
        places: &mut Places<'_>,
        frame: &Frame,
        exclude: Option<&Arc<Client>>,
    ) -> Result<usize, Again> {
        let mut state = self.state.lock();
        state.check_places(places, None)?;
        state.publications += 1;
        state.send_to_members(self.id, places, frame, exclude, None);
        Ok(state.members)
    }

    /// Makes `client` a member. `ack` is what it is told, given the count of members;
    /// `announce` is what the others are told.
    pub(super) fn join(
        self: &Arc<Self>,
        client: &Arc<Client>,
        places: &mut Places<'_>,
        max_members: usize,
        ack: impl FnOnce(usize) -> Option<Frame>,
        announce: Option<&Frame>,
    ) -> Result<JoinOutcome, Again> {
        let mut state = self.state.lock();
        if state.retired {
            return Err(Again);
        }
        if announce.is_some() {
            state.check_places(places, Some(client.shard))?;
        }
        if state.members >= max_members {
            return Ok(JoinOutcome::Full);
        }
        if let Some(frame) = announce {
            state.send_to_members(self.id, places, frame, None, Some(client.shard));
        }
        state.members += 1;
        state.local[client.shard] += 1;
        places.send(
            client.shard,
            Entry::Join {
                client: client.clone(),
                topic: self.id,
                ack: ack(state.members),
                announce: announce.cloned(),
            },
        );
        Ok(JoinOutcome::Joined(state.members))
    }

    /// Ends the membership of `client`, which is a member.
    pub(super) fn leave(
        &self,
        client: &Arc<Client>,
        places: &mut Places<'_>,
        ack: Option<&Frame>,
        announce: Option<&Frame>,
    ) -> Result<(), Again> {
        let mut state = self.state.lock();
        if announce.is_some() {
            state.check_places(places, Some(client.shard))?;
        }
        state.members -= 1;
        state.local[client.shard] -= 1;
        places.send(
            client.shard,
            Entry::Leave {
                client: client.clone(),
                topic: self.id,
                ack: ack.cloned(),
                announce: announce.cloned(),
            },
        );
        if let Some(frame) = announce {
            state.send_to_members(self.id, places, frame, None, Some(client.shard));
        }
        Ok(())
    }

    /// Counts a connection in or out and sends the entry that goes with it.
    pub(super) fn count_connection(&self, shard: usize, change: i32, send: impl FnOnce()) {
        let mut state = self.state.lock();
        state.members = state.members.wrapping_add_signed(change as isize);
        state.local[shard] = state.local[shard].wrapping_add_signed(change);
        send();
    }
}

impl State {
    /// Whether each shard that has members has its place. With `besides`, that shard is
    /// served by an entry of its own.
    fn check_places(&self, places: &Places<'_>, besides: Option<usize>) -> Result<(), Again> {
        let covered = (0..self.local.len())
            .all(|shard| self.local[shard] == 0 || Some(shard) == besides || places.has(shard));
        covered.then_some(()).ok_or(Again)
    }

    fn send_to_members(
        &self,
        topic: TopicId,
        places: &mut Places<'_>,
        frame: &Frame,
        exclude: Option<&Arc<Client>>,
        besides: Option<usize>,
    ) {
        for (shard, &members) in self.local.iter().enumerate() {
            if members > 0 && Some(shard) != besides {
                places.send(
                    shard,
                    Entry::Broadcast {
                        topic,
                        frame: frame.clone(),
                        exclude: exclude.filter(|client| client.shard == shard).cloned(),
                    },
                );
            }
        }
    }
}
