//! Who may know who is present.

use std::sync::Arc;

use super::{changed, may_receive};
use crate::hub::{Client, Topic as HubTopic};
use crate::node::Node;
use crate::node::policy::{Presence, Topic};
use crate::node::refusals::refuse;
use crate::protocol::{ChannelName, ErrorCode, Identity, Refusal, RoomName, TopicName};

impl Node {
    /// Checks whether a client may know who is present in a channel.
    pub(in crate::node) async fn may_see_channel(
        &self,
        client: &Client,
        channel: &ChannelName,
    ) -> Result<(), Refusal> {
        if channel.is_reserved() {
            may_receive(client, channel)?;
            return Err(refuse(ErrorCode::NoPresence, channel));
        }
        let identity = self.identity_in(client, channel.as_str());
        self.may_see(client, Topic::Channel(channel), identity.as_ref())
            .await
    }

    /// Checks whether a client may know who is present in a room; only members may.
    pub(in crate::node) async fn may_see_room(
        &self,
        client: &Client,
        room: &RoomName,
    ) -> Result<(), Refusal> {
        self.member_of(client, room)?;
        let identity = client.identity();
        self.may_see(client, Topic::Room(room), identity.as_ref())
            .await
    }

    /// Whether a client that is told who is present in a topic may still know it.
    pub(in crate::node) async fn may_still_see(&self, client: &Client, topic: &HubTopic) -> bool {
        match topic.full_name() {
            TopicName::Room(name) => match RoomName::new(name) {
                Ok(room) => self.may_see_room(client, &room).await.is_ok(),
                Err(_) => false,
            },
            TopicName::Channel(name) => match ChannelName::new(name) {
                Ok(channel) => self.may_see_channel(client, &channel).await.is_ok(),
                Err(_) => false,
            },
        }
    }

    /// Asks the policy first, so that a refusal is the same whether presence is kept or not.
    pub(super) async fn may_see(
        &self,
        client: &Client,
        topic: Topic<'_>,
        identity: Option<&Arc<Identity>>,
    ) -> Result<(), Refusal> {
        let asked = Presence {
            client: client.view(identity.map(|identity| &**identity)),
            topic,
        };
        let decision = self.policy.presence(asked);
        let answer = self.decide_command(client, decision).await;
        changed(answer, topic)?;
        let name = TopicName::from(topic);
        match self.hub.presence_options(name.kind(), name.name()) {
            Some(_) => Ok(()),
            None => Err(refuse(ErrorCode::NoPresence, name)),
        }
    }
}
