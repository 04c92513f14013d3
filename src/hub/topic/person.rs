//! A member, as its topic knows it.

use uuid::Uuid;

use crate::protocol::UserId;

/// A member, as its topic knows it.
#[derive(Debug)]
pub(in crate::hub) struct Person {
    /// The client's id.
    pub(in crate::hub) id: Uuid,
    /// The shard that owns the connection.
    pub(in crate::hub) shard: usize,
    pub(in crate::hub) user: Option<UserId>,
}
