//! What a topic knows of its members' users.

use std::collections::HashMap;

use super::person::Person;
use super::watched::WatchedPresence;
use crate::presence::Info;
use crate::protocol::{TopicKind, UserId};

/// What a topic knows of its members' users, guarded by the topic's lock.
#[derive(Debug)]
pub(in crate::hub) enum People {
    /// Nothing: nobody is told of them.
    Unknown,
    /// How many connections of each user are in the room, whose first and last are announced.
    Counted(Option<Box<Counts>>),
    /// Who is present.
    Present(Box<WatchedPresence>),
}

/// The connections of each user.
#[derive(Debug, Default)]
pub(in crate::hub) struct Counts(HashMap<UserId, u32>);

impl People {
    /// The people of a topic of this kind.
    pub(in crate::hub) fn new(kind: TopicKind, presence: Option<WatchedPresence>) -> Self {
        match (presence, kind) {
            (Some(presence), _) => Self::Present(Box::new(presence)),
            (None, TopicKind::Room) => Self::Counted(None),
            (None, TopicKind::Channel) => Self::Unknown,
        }
    }

    /// A client has become a member. Whether it is the first connection of its user; always for a
    /// client without one.
    pub(in crate::hub) fn enter(
        &mut self,
        person: impl FnOnce() -> Person,
        info: Option<&Info>,
    ) -> bool {
        match self {
            Self::Unknown => true,
            Self::Counted(counts) => person().user.is_none_or(|user| {
                let connections = counts.get_or_insert_default().0.entry(user).or_default();
                *connections += 1;
                *connections == 1
            }),
            Self::Present(presence) => presence.enter(&person(), info),
        }
    }

    /// A client's membership has ended. Whether it was the last connection of its user; always for a
    /// client without one.
    pub(in crate::hub) fn leave(&mut self, person: impl FnOnce() -> Person) -> bool {
        match self {
            Self::Unknown => true,
            Self::Counted(counts) => person().user.is_none_or(|user| {
                let known = counts.as_mut().and_then(|counts| counts.0.get_mut(&user));
                if let Some(connections) = known.filter(|connections| **connections > 1) {
                    *connections -= 1;
                    return false;
                }
                if let Some(known) = counts {
                    known.0.remove(&user);
                    if known.0.is_empty() {
                        *counts = None;
                    }
                }
                true
            }),
            Self::Present(presence) => presence.leave(&person()),
        }
    }

    /// Who is present, if that is kept.
    pub(in crate::hub) fn presence(&mut self) -> Option<&mut WatchedPresence> {
        match self {
            Self::Present(presence) => Some(presence),
            _ => None,
        }
    }
}
