//! Why something was not sent.

use crate::hub::HubClosed;

/// Why a message was not sent. Nobody has received it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The mailbox of a shard involved stayed full for `publish_timeout`. It may be sent again.
    #[error("the shards' mailboxes are full; try again")]
    Overloaded,
    /// The hub has shut down.
    #[error(transparent)]
    Closed(#[from] HubClosed),
}
