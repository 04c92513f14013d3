//! What a reader does.

use proptest::prelude::*;

pub(super) const CHANNELS: usize = 3;

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Subscribes to a channel and resumes this number of publications before its position.
    Resume(usize, u64),
    /// Subscribes to a channel and asks for this number of publications.
    Last(usize, u64),
    /// Unsubscribes from a channel.
    Unsubscribe(usize),
    /// Loses its connection, possibly in the middle of a frame, and resumes every channel.
    Reconnect,
    /// Reads everything that has arrived.
    Read,
    /// Lets the others run this number of times.
    Wait(usize),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let channel = 0..CHANNELS;
    prop_oneof![
        6 => (channel.clone(), 0..40u64).prop_map(|(channel, back)| Step::Resume(channel, back)),
        2 => (channel.clone(), 0..80u64).prop_map(|(channel, last)| Step::Last(channel, last)),
        3 => channel.prop_map(Step::Unsubscribe),
        1 => Just(Step::Reconnect),
        8 => Just(Step::Read),
        8 => (1..60usize).prop_map(Step::Wait),
    ]
}
