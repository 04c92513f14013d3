//! A topic's id inside the hub.

/// Identifies a topic for the life of the process. Names can be reused; ids are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::hub) struct TopicId(pub(in crate::hub) u64);

/// The topic whose members are all connections.
pub(in crate::hub) const EVERYONE: TopicId = TopicId(0);
