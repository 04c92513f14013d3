//! The dialect table: what the hub says by itself, in the words of a wire protocol.

use std::fmt::Debug;
use std::sync::Arc;

use crate::protocol::{CloseCode, Gap, TopicName};
use crate::wire::Frame;

/// How a wire protocol says what the hub has to say by itself. The hub is given one and
/// builds no message of its own.
///
/// Every method is called on a shard's task or under a topic's lock, so none may wait.
pub trait Dialect: Debug + Send + Sync {
    /// A publication as clients without offsets receive it.
    fn publication(&self, encoded: &Arc<str>) -> Frame;

    /// A publication as clients with offsets receive it.
    fn sequenced(&self, encoded: &str, offset: u64) -> Frame;

    /// The notice that replaces publications a client will not get.
    fn gap(&self, topic: TopicName<'_>, gap: Gap) -> Frame;

    /// The heartbeat's question.
    fn ping(&self) -> Frame;

    /// The last frame of a connection. Without a `reason`, the code's own.
    fn close(&self, code: CloseCode, reason: Option<&str>) -> Frame;
}
