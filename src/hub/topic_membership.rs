//! Joining and leaving, under the topic's lock.

use std::sync::Arc;

use super::client::Client;
use super::dispatch::{Broadcast, Retry};
use super::forms::Forms;
use super::joining::{JoinOptions, Joined};
use super::observer::Notifier;
use super::occupied_topics::OccupiedTopics;
use super::presence::Announcements;
use super::shard::{Entry, Permits, Watching};
use super::topic::{Topic, TopicState};
use crate::protocol::{Presence, TopicName};
use crate::wire::Frame;

/// Who is told that members change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records<'a> {
    pub(super) notifier: &'a Notifier,
    pub(super) occupied: &'a OccupiedTopics,
    pub(super) announcements: &'a Announcements,
}

/// How a join ended under the topic's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JoinOutcome {
    /// The client is a member; the number of members.
    Joined(usize),
    /// The topic has its maximum number of members.
    Full,
    /// All clients together are in the maximum number of topics.
    TooManyTopics,
}

impl Topic {
    /// Makes `client` a member. `ack` builds the frame that it receives. `announce` is sent if this is
    /// the first connection of its user.
    pub(super) fn join(
        self: &Arc<Self>,
        client: &Arc<Client>,
        permits: &mut Permits<'_>,
        (options, announce): (JoinOptions<'_>, Option<&Arc<Forms>>),
        ack: impl FnOnce(Joined<'_>) -> Option<Frame>,
        records: Records<'_>,
    ) -> Result<JoinOutcome, Retry> {
        let Records {
            notifier, occupied, ..
        } = records;
        let mut state = self.state.lock();
        if state.stream.retired {
            return Err(Retry);
        }
        if announce.is_some() {
            state.check_permits(permits, Some(client.shard))?;
        }
        if state.audience.members() >= options.max_members {
            return Ok(JoinOutcome::Full);
        }
        if state.audience.members() == 0 && !occupied.reserve(self) {
            return Ok(JoinOutcome::TooManyTopics);
        }
        let is_first = state.people.enter(|| client.person(), options.info);
        let announce = announce.filter(|_| is_first);
        if let Some(forms) = announce {
            let notice = Broadcast::notice_elsewhere(forms, client.shard);
            state.dispatch(self.id(), permits, notice);
        }
        state.audience.add(client.shard);
        if state.audience.members() == 1 {
            occupied.insert(self);
            notifier.notify(|observer| observer.occupied(self.full_name()));
        }
        notifier.notify(|observer| {
            client.with_view(|client| match self.full_name() {
                TopicName::Room(room) => observer.joined(client, room),
                TopicName::Channel(channel) => observer.subscribed(client, channel),
            });
        });
        self.admit(&mut state, client, permits, (options, announce), ack);
        records.announcements.note(self, &mut state.people);
        Ok(JoinOutcome::Joined(state.audience.members()))
    }

    /// Acknowledges a repeated join, and starts a new replay if there is a new resume request.
    pub(super) fn join_again(
        self: &Arc<Self>,
        client: &Arc<Client>,
        permits: &mut Permits<'_>,
        options: JoinOptions<'_>,
        ack: impl FnOnce(Joined<'_>) -> Option<Frame>,
        records: Records<'_>,
    ) -> usize {
        let mut state = self.state.lock();
        let state = &mut *state;
        let members = state.audience.members();
        if let (Some(presence), Some(info)) = (state.people.presence(), options.info) {
            presence.renew(&client.person(), info);
        }
        if options.resume.is_some() {
            self.admit(state, client, permits, (options, None), ack);
        } else {
            let (present, watching) = state.watch(client, options.watches);
            let joined = Joined {
                members,
                resumption: None,
                present: present.as_ref(),
            };
            let (frame, client) = (ack(joined), client.clone());
            let shard = client.shard;
            match (watching, frame) {
                (Some(watching), frame) => {
                    let topic = self.id();
                    let ack = frame.map(|frame| (frame, None));
                    let entry = Entry::Watch {
                        client,
                        topic,
                        watching,
                        ack,
                    };
                    permits.send(shard, entry);
                }
                (None, Some(frame)) => {
                    let charge = None;
                    let entry = Entry::Reply {
                        client,
                        frame,
                        charge,
                    };
                    permits.send(shard, entry);
                }
                (None, None) => {}
            }
        }
        records.announcements.note(self, &mut state.people);
        members
    }

    /// Sends the shard the entry that adds the member, with its acknowledgement and replay.
    fn admit(
        self: &Arc<Self>,
        state: &mut TopicState,
        client: &Arc<Client>,
        permits: &mut Permits<'_>,
        (options, announce): (JoinOptions<'_>, Option<&Arc<Forms>>),
        ack: impl FnOnce(Joined<'_>) -> Option<Frame>,
    ) {
        let resumed = options.resume.map(|request| {
            let topic = (self.id(), &**self.name());
            state.stream.resume(topic, request)
        });
        let (resumption, replay) = match resumed {
            Some((resumption, replay)) => (Some(resumption), replay),
            None => (None, None),
        };
        let (present, watching) = state.watch(client, options.watches);
        let joined = Joined {
            members: state.audience.members(),
            resumption: resumption.as_ref(),
            present: present.as_ref(),
        };
        permits.send(
            client.shard,
            Entry::Join {
                client: client.clone(),
                topic: self.clone(),
                replay,
                watching,
                ack: ack(joined),
                announce: announce.cloned(),
            },
        );
    }

    /// Ends the membership of `client`, which is a member. `announce` is sent if this was the last
    /// connection of its user.
    pub(super) fn leave(
        self: &Arc<Self>,
        client: &Arc<Client>,
        permits: &mut Permits<'_>,
        ack: Option<&Frame>,
        announce: Option<&Arc<Forms>>,
        records: Records<'_>,
    ) -> Result<(), Retry> {
        let Records {
            notifier, occupied, ..
        } = records;
        let mut state = self.state.lock();
        if announce.is_some() {
            state.check_permits(permits, Some(client.shard))?;
        }
        let is_last = state.people.leave(|| client.person());
        let announce = announce.filter(|_| is_last);
        state.audience.remove(client.shard);
        notifier.notify(|observer| {
            client.with_view(|client| match self.full_name() {
                TopicName::Room(room) => observer.left(client, room),
                TopicName::Channel(channel) => observer.unsubscribed(client, channel),
            });
        });
        if state.audience.members() == 0 {
            occupied.remove(self);
            notifier.notify(|observer| observer.vacated(self.full_name()));
        }
        permits.send(
            client.shard,
            Entry::Leave {
                client: client.clone(),
                topic: self.id(),
                ack: ack.cloned(),
                announce: announce.cloned(),
            },
        );
        if let Some(forms) = announce {
            let notice = Broadcast::notice_elsewhere(forms, client.shard);
            state.dispatch(self.id(), permits, notice);
        }
        records.announcements.note(self, &mut state.people);
        Ok(())
    }
}

impl TopicState {
    /// Starts or stops to tell a member who is present. Returns who is, if it starts, and what the
    /// member's shard has to know.
    fn watch(
        &mut self,
        client: &Client,
        watches: Option<bool>,
    ) -> (Option<Presence>, Option<Watching>) {
        match (self.people.presence(), watches) {
            (Some(presence), Some(watches)) => {
                let person = client.person();
                presence.watch(&person, watches);
                match watches.then(|| presence.show(&person)) {
                    Some((present, knows)) => (Some(present), knows.map(Watching::Knowing)),
                    None => (None, Some(Watching::Not)),
                }
            }
            _ => (None, None),
        }
    }
}
