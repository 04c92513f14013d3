//! A topic's audience: how many members it has, and in which shards.

/// The number of members per shard, guarded by the topic's lock. Each shard knows which of
/// its clients are members.
#[derive(Debug)]
pub(in crate::hub) struct Audience {
    members: usize,
    /// Members per shard. The number of a shard comes from a client that the hub has assigned to it.
    local: Box<[u32]>,
}

impl Audience {
    pub(super) fn new(shards: usize) -> Self {
        Self {
            members: 0,
            local: vec![0; shards].into(),
        }
    }

    /// The number of members.
    pub(in crate::hub) fn members(&self) -> usize {
        self.members
    }

    /// Adds one member in a shard.
    pub(in crate::hub) fn add(&mut self, shard: usize) {
        self.members += 1;
        self.local[shard] += 1;
    }

    /// Removes one member in a shard.
    pub(in crate::hub) fn remove(&mut self, shard: usize) {
        self.members -= 1;
        self.local[shard] -= 1;
    }

    /// The shards that have members, in ascending order.
    pub(in crate::hub) fn shards(&self) -> impl Iterator<Item = usize> {
        let local = self.local.iter().enumerate();
        local.filter_map(|(shard, &members)| (members > 0).then_some(shard))
    }

    /// The number of members in each shard.
    pub(super) fn by_shard(&self) -> Box<[u32]> {
        self.local.clone()
    }
}
