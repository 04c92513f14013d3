//! Identity of a topic inside the hub.

/// Identity of a topic for the life of the process. Names can be reused, ids are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::hub) struct TopicId(pub(in crate::hub) u64);

/// The topic that every connection is in.
pub(in crate::hub) const EVERYONE: TopicId = TopicId(0);
