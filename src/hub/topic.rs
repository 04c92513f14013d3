//! A topic: what rooms and channels are inside the hub.
//!
//! Ordering: everything a topic sends is put into the mailboxes under the topic's lock,
//! so every member sees the same order, and a member sees nothing from before its
//! acknowledgement or after its end. A publication gets its offset and its place in the
//! history under the same lock, so a replay and what follows it fit without a seam.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::client::Client;
use super::joining::{Accepted, Joining};
use super::mailbox::{Entry, Places};
use super::past::{Numbered, Past, Replay, Resumption};
use super::rules::Overflow;
use crate::protocol::Resume;
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
    overflow: Overflow,
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
    /// What is remembered, when that is switched on.
    past: Option<Box<Past>>,
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
    pub(super) fn new(
        (id, kind, name): (TopicId, TopicKind, Arc<str>),
        shards: usize,
        overflow: Overflow,
        past: Option<Box<Past>>,
    ) -> Self {
        Self {
            id,
            kind,
            name,
            overflow,
            state: Mutex::new(State {
                retired: false,
                publications: 0,
                members: 0,
                local: vec![0; shards].into(),
                past,
            }),
        }
    }

    pub(super) fn id(&self) -> TopicId {
        self.id
    }

    /// Room or channel.
    pub fn kind(&self) -> TopicKind {
        self.kind
    }

    /// The topic's name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What happens to a member whose outbox is full.
    pub fn overflow(&self) -> Overflow {
        self.overflow
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

    /// Marks a topic as retired that has no members and nothing to remember. The caller
    /// then takes it out of the registry.
    pub(super) fn retire_if_unused(&self) -> bool {
        let mut state = self.state.lock();
        let blank = state.past.as_ref().is_none_or(|past| past.is_blank());
        state.retired |= state.members == 0 && blank;
        state.retired
    }

    /// Marks a topic as retired that has no members and no messages and was not published to for `ttl`;
    /// `forget` is told while the topic is still locked. The caller then takes it out of the registry.
    pub(super) fn retire_if_forgotten(&self, ttl: Duration, forget: impl FnOnce()) -> bool {
        let mut state = self.state.lock();
        let forgotten = state
            .past
            .as_ref()
            .is_some_and(|past| past.is_empty() && past.used_at.elapsed() >= ttl);
        if state.retired || state.members > 0 || !forgotten {
            return false;
        }
        state.retired = true;
        // Its bytes count no longer, whoever still holds the topic.
        state.past = None;
        forget();
        true
    }

    /// Puts `frame` into the mailbox of each shard that has members and returns how many
    /// members there are. It is no publication: it gets no offset and is not remembered.
    pub(super) fn broadcast(
        &self,
        places: &mut Places<'_>,
        frame: &Frame,
        exclude: Option<&Arc<Client>>,
    ) -> Result<usize, Again> {
        let mut state = self.state.lock();
        state.check_places(places, None)?;
        state.publications += 1;
        let exclude = exclude.map(|client| (client, None));
        state.send_to_members(self.id, places, (frame, None, false), exclude, None);
        Ok(state.members)
    }

    /// Accepts a publication: gives it its offset, remembers it and puts it into the
    /// mailbox of each shard that has members. `frame` holds `message`. The publisher gets
    /// `ack` in the place of the message.
    pub(super) fn publish(
        &self,
        places: &mut Places<'_>,
        (message, frame): (&str, &Frame),
        publisher: Option<&Arc<Client>>,
        ack: impl FnOnce(&Accepted) -> Option<Frame>,
    ) -> Result<Accepted, Again> {
        let mut state = self.state.lock();
        if state.retired {
            return Err(Again);
        }
        state.check_places(places, None)?;
        state.publications += 1;
        let numbered = state.past.as_mut().map(|past| past.append(message));
        let accepted = Accepted {
            members: state.members,
            position: state.past.as_ref().map(|past| past.newest()),
        };
        let frames = (frame, numbered.as_ref(), true);
        let ack = ack(&accepted);
        let publisher = publisher.map(|client| (client, ack.as_ref()));
        state.send_to_members(self.id, places, frames, publisher, None);
        Ok(accepted)
    }

    /// Makes `client` a member. `ack` is what it is told, given the count of members and
    /// the answer to what it wants of the past; `announce` is what the others are told.
    pub(super) fn join(
        self: &Arc<Self>,
        client: &Arc<Client>,
        places: &mut Places<'_>,
        joining: Joining<'_>,
        ack: impl FnOnce(usize, Option<&Resumption>) -> Option<Frame>,
    ) -> Result<JoinOutcome, Again> {
        let mut state = self.state.lock();
        if state.retired {
            return Err(Again);
        }
        if joining.announce.is_some() {
            state.check_places(places, Some(client.shard))?;
        }
        if state.members >= joining.max_members {
            return Ok(JoinOutcome::Full);
        }
        if let Some(frame) = joining.announce {
            let frames = (frame, None, false);
            state.send_to_members(self.id, places, frames, None, Some(client.shard));
        }
        state.members += 1;
        state.local[client.shard] += 1;
        self.admit(&mut state, client, places, joining, ack);
        Ok(JoinOutcome::Joined(state.members))
    }

    /// Tells a member again, and starts it anew at what it now wants of the past.
    pub(super) fn join_again(
        self: &Arc<Self>,
        client: &Arc<Client>,
        places: &mut Places<'_>,
        resume: Option<&Resume>,
        ack: impl FnOnce(usize, Option<&Resumption>) -> Option<Frame>,
    ) -> usize {
        let mut state = self.state.lock();
        if resume.is_some() {
            let joining = Joining {
                resume,
                ..Joining::default()
            };
            self.admit(&mut state, client, places, joining, ack);
        } else if let Some(frame) = ack(state.members, None) {
            let client = client.clone();
            places.send(client.shard, Entry::Send { client, frame });
        }
        state.members
    }

    fn admit(
        self: &Arc<Self>,
        state: &mut State,
        client: &Arc<Client>,
        places: &mut Places<'_>,
        joining: Joining<'_>,
        ack: impl FnOnce(usize, Option<&Resumption>) -> Option<Frame>,
    ) {
        let (resumption, replay) = match joining.resume.map(|resume| state.resume(resume)) {
            Some((resumption, replay)) => (Some(resumption), replay),
            None => (None, None),
        };
        places.send(
            client.shard,
            Entry::Join {
                client: client.clone(),
                topic: self.clone(),
                replay,
                ack: ack(state.members, resumption.as_ref()),
                announce: joining.announce.cloned(),
            },
        );
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
            let frames = (frame, None, false);
            state.send_to_members(self.id, places, frames, None, Some(client.shard));
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

    /// Looks at the topic's past, or changes it, under the topic's lock.
    pub(super) fn with_past<T>(&self, look: impl FnOnce(&mut Past) -> T) -> Option<T> {
        self.state.lock().past.as_mut().map(|past| look(past))
    }
}

impl State {
    fn resume(&mut self, resume: &Resume) -> (Resumption, Option<Replay>) {
        match &mut self.past {
            Some(past) => {
                let (resumption, replay) = past.resume(resume);
                (resumption, Some(replay))
            }
            None => (Resumption::without_history(resume), None),
        }
    }

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
        (frame, numbered, publication): (&Frame, Option<&Numbered>, bool),
        exclude: Option<(&Arc<Client>, Option<&Frame>)>,
        besides: Option<usize>,
    ) {
        for (shard, &members) in self.local.iter().enumerate() {
            if members > 0 && Some(shard) != besides {
                let exclude = exclude.as_ref().filter(|(client, _)| client.shard == shard);
                places.send(
                    shard,
                    Entry::Broadcast {
                        topic,
                        frame: frame.clone(),
                        numbered: numbered.cloned(),
                        publication,
                        exclude: exclude.map(|(client, _)| Arc::clone(client)),
                        ack: exclude.and_then(|(_, ack)| ack.cloned()),
                    },
                );
            }
        }
    }
}
