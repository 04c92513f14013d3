//! The table of what the hub has to encode, which each wire protocol fills in.

use std::fmt::Debug;
use std::sync::Arc;

use crate::protocol::{CloseCode, Gap, TopicName};
use crate::wire::Frame;

/// Encodes what the hub sends, for one wire protocol. The hub is given a dialect and builds no
/// message itself.
///
/// Locks: methods are called on a shard's task or under a topic's lock, so they must not block.
pub trait Dialect: Debug + Send + Sync {
    /// A publication, for clients that receive no offsets.
    fn publication(&self, encoded: &Arc<str>) -> Frame;

    /// A publication with its offset, for clients that receive offsets.
    fn sequenced(&self, encoded: &str, offset: u64) -> Frame;

    /// The notice that takes the place of publications that the client will not receive.
    fn gap(&self, topic: TopicName<'_>, gap: Gap) -> Frame;

    /// The ping of the heartbeat.
    fn ping(&self) -> Frame;

    /// The last frame of a connection. `reason` defaults to that of the code.
    fn close(&self, code: CloseCode, reason: Option<&str>) -> Frame;
}
