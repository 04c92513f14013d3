//! The records of saved histories.
//!
//! Times are milliseconds since 1970. The order of variants and fields is part of the format: a
//! change needs another version in the header.

use serde::{Deserialize, Serialize, Serializer};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record<'a> {
    /// A topic. As many publications follow as it says.
    #[serde(borrow)]
    Topic(SavedTopic<'a>),
    /// A publication of the topic before it, oldest first.
    Publication(SavedPublication<'a>),
    /// An idempotency key and its outcome.
    Key(SavedKey<'a>),
    /// The last record.
    End(SavedEnd),
}

/// A topic's position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedTopic<'a> {
    /// Whether it is a room, not a channel.
    pub is_room: bool,
    /// Its name.
    pub name: &'a str,
    /// The epoch of its numbering.
    pub epoch: &'a str,
    /// The offset of the newest publication.
    pub newest: u64,
    /// The number of publications that are kept.
    pub publications: u64,
    /// When it was last published to.
    pub used_at: u64,
    /// Whose share of the memory it counts towards.
    pub owner: SavedOwner,
}

/// Whose share of the memory a history counts towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SavedOwner {
    /// A user, by a hash of its id.
    User(u64),
    /// A client without a user, by its id.
    Client([u8; 16]),
    /// Nobody: the topic counts for itself.
    Topic,
}

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPublication<'a> {
    /// When it was published.
    pub published_at: u64,
    /// What it is made from.
    #[serde(serialize_with = "as_bytes")]
    pub message: &'a [u8],
}

/// The outcome of publishing an event with an idempotency key to one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedKey<'a> {
    /// The channel.
    pub channel: &'a str,
    /// The key.
    pub id: &'a str,
    /// When the event was accepted.
    pub at: u64,
    /// When the outcome was recorded.
    pub recorded_at: u64,
    /// The number of subscribers it was sent to.
    pub subscribers: u64,
}

/// The end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedEnd {
    /// What the epochs of further topics are made from.
    pub epochs: SavedEpochs,
}

/// What the epochs of topics are made from that were never published to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedEpochs {
    /// The random part.
    pub seed: u128,
    /// The number of channels whose positions were forgotten.
    pub forgotten_channels: u64,
    /// The number of rooms whose positions were forgotten.
    pub forgotten_rooms: u64,
    /// Which topics keep a history, as a hash of the rules.
    pub rules: u64,
}

/// All at once, not one by one.
fn as_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}
