//! Who is present in a room or channel.

use std::time::SystemTime;

use uuid::Uuid;

use super::{Json, UserId};

/// What a client asks about those who are present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresenceRequest {
    /// The users.
    Users,
    /// Each connection.
    Connections,
    /// How many there are.
    Counts,
}

/// A user who is present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentUser {
    /// The user.
    pub user: UserId,
    /// What the newest token of the user says for others to see.
    pub info: Option<Json>,
}

/// How many are present.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PresenceCounts {
    /// Users.
    pub users: usize,
    /// Connections, those without a user included.
    pub connections: usize,
    /// Connections without a user.
    pub anonymous: usize,
}

/// One connection that is present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentConnection {
    /// The client's id.
    pub client: Uuid,
    /// Its user, if it has one.
    pub user: Option<UserId>,
    /// When it connected.
    pub since: SystemTime,
}

/// What a client is told about the list of those who are present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceList {
    /// All of them, in the order of their arrival. Replaces what the client knew.
    Members(Vec<PresentUser>),
    /// What has changed.
    Changes {
        /// Users who have arrived, or whose `info` is another one now.
        joined: Vec<PresentUser>,
        /// Users who have gone.
        left: Vec<UserId>,
    },
    /// All connections, in the order in which they connected.
    Connections(Vec<PresentConnection>),
    /// Nothing: there are too many, or the client asked for numbers alone.
    Unlisted,
}

/// Who is present, or what has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Who.
    pub list: PresenceList,
    /// How many.
    pub counts: PresenceCounts,
}
