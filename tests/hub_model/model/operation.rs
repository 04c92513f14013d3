//! What can happen, and how often.

use proptest::prelude::*;
use wavecast::dialect::ClassId;

use super::marked::MARKED;
use super::stream::Resume;

pub(super) const ROOMS: usize = 3;
pub(super) const CHANNELS: usize = 4;

/// What happens before the hub comes to rest again.
#[derive(Debug, Clone)]
pub(super) enum Step {
    One(Operation),
    /// Several operations that wait in the mailboxes together.
    Together(Vec<Operation>),
}

#[derive(Debug, Clone)]
pub(super) enum Operation {
    Connect(Kind, ClassId),
    /// A client, a room.
    Join(usize, usize),
    /// A client, a room.
    Leave(usize, usize),
    /// A client, a room, the message's length, and whether the client asks for a reply.
    Say(usize, usize, Length, bool),
    /// A room, and a client that is excluded.
    Broadcast(usize, Option<usize>),
    /// A client, a channel, and what it asks for.
    Subscribe(usize, usize, Resume),
    /// A client, a channel.
    Unsubscribe(usize, usize),
    /// A channel, and the event's length.
    Publish(usize, Length),
    PublishToAll,
    /// An operator closes a client.
    Close(usize),
    /// A client loses its connection.
    Disconnect(usize),
    /// A client that does not read by itself reads what has arrived.
    Read(usize),
    /// So much time passes that histories expire, and positions that nobody uses are forgotten.
    Pass,
}

impl Operation {
    /// Whether it may overtake what waits.
    pub(super) fn is_abrupt(&self) -> bool {
        matches!(self, Self::Close(_) | Self::Disconnect(_) | Self::Pass)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Reads everything that it is sent.
    Healthy,
    /// Reads only when told to.
    Stalled,
    /// Has no connection, as an application may create it.
    Detached,
}

/// How long a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Short,
    Long,
    /// Longer than what a shard copies.
    Huge,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => operation().prop_map(Step::One),
        2 => prop::collection::vec(operation(), 2..7).prop_map(Step::Together),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let who = 0..10_usize;
    let room = 0..ROOMS;
    let channel = 0..CHANNELS;
    let kind = prop_oneof![
        3 => Just(Kind::Healthy),
        2 => Just(Kind::Stalled),
        1 => Just(Kind::Detached),
    ];
    let class = prop_oneof![
        Just(ClassId::NATIVE),
        Just(ClassId::EVENT_STREAM),
        Just(MARKED)
    ];
    let length = prop_oneof![
        3 => Just(Length::Short),
        3 => Just(Length::Long),
        2 => Just(Length::Huge),
    ];
    let resume = prop_oneof![
        2 => Just(Resume::Plain),
        4 => (-1..10_i64).prop_map(Resume::Behind),
        1 => Just(Resume::OtherEpoch),
        2 => (0..10_u64).prop_map(Resume::Last),
    ];
    prop_oneof![
        3 => (kind, class).prop_map(|(kind, class)| Connect(kind, class)),
        8 => (who.clone(), room.clone()).prop_map(|(who, room)| Join(who, room)),
        3 => (who.clone(), room.clone()).prop_map(|(who, room)| Leave(who, room)),
        8 => (who.clone(), room.clone(), length.clone(), any::<bool>())
            .prop_map(|(who, room, length, reply)| Say(who, room, length, reply)),
        3 => (room, proptest::option::of(who.clone()))
            .prop_map(|(room, exclude)| Broadcast(room, exclude)),
        8 => (who.clone(), channel.clone(), resume)
            .prop_map(|(who, channel, resume)| Subscribe(who, channel, resume)),
        2 => (who.clone(), channel.clone()).prop_map(|(who, channel)| Unsubscribe(who, channel)),
        20 => (channel, length).prop_map(|(channel, length)| Publish(channel, length)),
        2 => Just(PublishToAll),
        1 => who.clone().prop_map(Close),
        2 => who.clone().prop_map(Disconnect),
        4 => who.prop_map(Read),
        1 => Just(Pass),
    ]
}
