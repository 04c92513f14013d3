//! What forms are made from.

use std::fmt::Debug;

use super::ClassId;
use crate::wire::Frame;

/// The position of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<'a> {
    /// Its offset.
    pub offset: u64,
    /// The epoch of its stream.
    pub epoch: &'a str,
}

/// What a broadcast is made of. Each form of it is made at most once, on the task of the first
/// shard that has a recipient for it.
///
/// The two forms that nearly everybody takes, those of the class [`ClassId::NATIVE`], have methods
/// of their own.
///
/// Locks: methods are called on a shard's task or under a topic's lock, so they must not wait.
pub trait Source: Debug + Send + Sync {
    /// The native form without a position.
    fn plain(&self) -> Frame;

    /// The native form with a position; `plain` is the one without.
    fn sequenced(&self, plain: &Frame, at: At<'_>) -> Frame;

    /// The form for any class, with a position for clients that receive positions.
    fn encode(&self, class: ClassId, at: Option<At<'_>>) -> Frame;

    /// The memory it takes, in bytes.
    fn bytes(&self) -> usize;

    /// What an equal source can be made from later, in another process. `None` if that is not
    /// possible; then the history up to this publication does not outlive the process.
    fn to_bytes(&self) -> Option<Vec<u8>> {
        None
    }
}
