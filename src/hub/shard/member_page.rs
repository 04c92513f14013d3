//! Pages of a topic's members.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::Shard;
use crate::hub::client::Client;
use crate::hub::topic::TopicId;

impl Shard {
    /// The first `limit` members of a topic after the id `after`, by id. Visits all members that the
    /// topic has in this shard, and holds no more than `limit` of them.
    pub(super) fn members_after(
        &self,
        topic: TopicId,
        after: Option<Uuid>,
        limit: usize,
    ) -> Vec<Arc<Client>> {
        let members = self.topics.get(&topic);
        let slots = members.into_iter().flat_map(|members| members.slots());
        let mut page = BTreeMap::new();
        for slot in slots {
            // A slot in a member list belongs to a connection until its client has left.
            let client = &self.connections[slot as usize].client;
            if after.is_none_or(|after| client.id() > after) {
                page.insert(client.id(), client);
                if page.len() > limit {
                    page.pop_last();
                }
            }
        }
        page.into_values().cloned().collect()
    }
}
