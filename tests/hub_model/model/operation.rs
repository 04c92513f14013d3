//! What can happen, and how often.

use proptest::prelude::*;

pub(super) const ROOMS: usize = 3;
pub(super) const CHANNELS: usize = 2;

#[derive(Debug, Clone)]
pub(super) enum Operation {
    Connect(Kind),
    /// A client, a room.
    Join(usize, usize),
    /// A client, a room.
    Leave(usize, usize),
    /// A client, a room, and whether the message is long.
    Say(usize, usize, bool),
    /// A room, and a client that is excluded.
    Broadcast(usize, Option<usize>),
    /// A client, a channel.
    Subscribe(usize, usize),
    /// A client, a channel.
    Unsubscribe(usize, usize),
    /// A channel, and whether the event is long.
    Publish(usize, bool),
    PublishToAll,
    /// An operator closes a client.
    Close(usize),
    /// A client loses its connection.
    Disconnect(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Reads everything that it is sent.
    Healthy,
    /// Never reads.
    Stalled,
    /// Has no connection, as an application may create it.
    Detached,
}

pub(super) fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let who = 0..8_usize;
    let room = 0..ROOMS;
    let channel = 0..CHANNELS;
    let kind = prop_oneof![
        3 => Just(Kind::Healthy),
        2 => Just(Kind::Stalled),
        1 => Just(Kind::Detached),
    ];
    prop_oneof![
        4 => kind.prop_map(Connect),
        8 => (who.clone(), room.clone()).prop_map(|(who, room)| Join(who, room)),
        3 => (who.clone(), room.clone()).prop_map(|(who, room)| Leave(who, room)),
        8 => (who.clone(), room.clone(), any::<bool>())
            .prop_map(|(who, room, long)| Say(who, room, long)),
        3 => (room, proptest::option::of(who.clone()))
            .prop_map(|(room, exclude)| Broadcast(room, exclude)),
        4 => (who.clone(), channel.clone()).prop_map(|(who, channel)| Subscribe(who, channel)),
        2 => (who.clone(), channel.clone()).prop_map(|(who, channel)| Unsubscribe(who, channel)),
        5 => (channel, any::<bool>()).prop_map(|(channel, long)| Publish(channel, long)),
        1 => Just(PublishToAll),
        1 => who.clone().prop_map(Close),
        2 => who.prop_map(Disconnect),
    ]
}
