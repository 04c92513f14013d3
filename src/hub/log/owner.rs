//! Whose share of the budget a history counts towards.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use uuid::Uuid;

use crate::hub::topic::TopicId;

/// Whose share of the budget a history counts towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::hub) enum Owner {
    /// A user, by the hash of its id.
    User(u64),
    /// A client without a user.
    Client(Uuid),
    /// Nobody in particular: the topic counts for itself.
    Topic(TopicId),
}

impl Owner {
    /// The owner that all clients of a user share.
    pub(in crate::hub) fn user(user: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        user.hash(&mut hasher);
        Self::User(hasher.finish())
    }
}
