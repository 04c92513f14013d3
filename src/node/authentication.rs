//! Authentication of a client that is connected: its token is replaced by a newer one.

use std::sync::Arc;
use std::time::SystemTime;

use super::Node;
use super::authenticated::authenticated;
use super::policy::{Allowed, Authenticate, Membership, Topic as AskedTopic};
use super::refusals::refuse;
use super::rooms::departure_notice;
use crate::hub::{Client, HubClosed, LeaveError, Topic};
use crate::limits::Limit;
use crate::protocol::{
    ChannelName, CloseCode, EndReason, ErrorCode, Identity, Json, Refusal, RoomName, ServerMessage,
    Token, TopicKind, TopicName, UserId,
};

impl Node {
    /// Authenticates a connected client again. Every membership that the new identity does not
    /// allow ends, in order with the topic's messages; then the client gets `authenticated`. If the
    /// token is refused, the client keeps its identity.
    ///
    /// Errors: the policy's, and `user_changed` for another user than before. A client without a
    /// user may become one while it is in no room or channel.
    pub async fn authenticate(
        &self,
        client: &Arc<Client>,
        token: &Token,
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        if let Some(identity) = self.identify(client, token).await? {
            self.replace_identity(client, identity).await?;
        }
        let identity = client.identity();
        let authenticated = authenticated(identity.as_deref(), SystemTime::now());
        self.reply(client, &authenticated, reply_to)
            .await
            .map_err(|HubClosed| ErrorCode::Draining.into())
    }

    async fn replace_identity(
        &self,
        client: &Arc<Client>,
        identity: Identity,
    ) -> Result<(), Refusal> {
        let (before, user) = (client.user(), identity.user().cloned());
        let becomes_a_user = before.is_none() && user.is_some();
        if before != user && !(becomes_a_user && client.topics().is_empty()) {
            return Err(ErrorCode::UserChanged.into());
        }
        self.expiry_list.remove(client);
        let set = self
            .set_identity(client, identity, user.filter(|_| becomes_a_user))
            .await;
        self.expiry_list.add(client);
        set?;
        // Once more, now that the identity is where a revocation looks for it.
        if let Err(refusal) = self.refuse_revoked(client.identity().as_deref()) {
            self.close_revoked(client).await;
            return Err(refusal);
        }
        for topic in client.topics() {
            if self.may_remain(client, &topic).await {
                self.renew_presence(client, &topic).await;
            } else {
                self.end_membership(client, &topic, EndReason::Forbidden)
                    .await;
            }
        }
        Ok(())
    }

    /// `new_user` is the user, if the client had none before.
    async fn set_identity(
        &self,
        client: &Arc<Client>,
        identity: Identity,
        new_user: Option<UserId>,
    ) -> Result<(), Refusal> {
        let identity = Arc::new(identity);
        let Some(user) = new_user else {
            client.set_identity(identity);
            return Ok(());
        };
        let joined = self.subscribe_to_user(client, &user).await;
        joined.map_err(|error| self.refuse_connect(error))?;
        if client.become_user(identity) {
            return Ok(());
        }
        // The application has made it a member of something meanwhile.
        let (kind, channel) = (TopicKind::Channel, ChannelName::of_user(&user));
        let leave = self.hub.leave(client, kind, channel.as_str(), None, None);
        match self.in_time(LeaveError::Overloaded, leave).await {
            Ok(()) | Err(LeaveError::NotAMember) => Err(ErrorCode::UserChanged.into()),
            Err(LeaveError::Overloaded) => Err(ErrorCode::Overloaded.into()),
            Err(LeaveError::Closed(HubClosed)) => Err(ErrorCode::Draining.into()),
        }
    }

    /// Asks the policy about a token that a client sent, and returns the identity that it proves.
    /// `None` if the client keeps its identity.
    pub(super) async fn identify(
        &self,
        client: &Client,
        token: &Token,
    ) -> Result<Option<Identity>, Refusal> {
        self.may_authenticate(client.remote())?;
        let identified = self.ask_who(client, token).await;
        if let Err(refusal) = &identified {
            self.record_refused_token(client.remote(), refusal);
        }
        identified
    }

    async fn ask_who(&self, client: &Client, token: &Token) -> Result<Option<Identity>, Refusal> {
        let identity = client.identity();
        let asked = Authenticate {
            client: client.view(identity.as_deref()),
            token,
        };
        let decision = self.policy.authenticate(asked);
        match self.decide_command(client, decision).await? {
            Allowed::AsAsked => Ok(None),
            Allowed::Changed(identity) => {
                self.refuse_revoked(Some(&identity))?;
                Ok(Some(identity))
            }
        }
    }

    /// Whether the policy still allows a client to be in a room or channel.
    pub(super) async fn may_remain(&self, client: &Client, topic: &Topic) -> bool {
        let (room, channel);
        let topic = match topic.kind() {
            TopicKind::Room => {
                room = RoomName::new(topic.name());
                room.as_ref().ok().map(AskedTopic::Room)
            }
            TopicKind::Channel => {
                channel = ChannelName::new(topic.name());
                let channel = channel.as_ref().ok();
                // The user stays the same, so the client's own channel does too.
                channel
                    .filter(|channel| !channel.is_reserved())
                    .map(AskedTopic::Channel)
            }
        };
        let Some(topic) = topic else {
            return true;
        };
        let identity = match topic {
            AskedTopic::Channel(channel) => self.identity_in(client, channel.as_str()),
            AskedTopic::Room(_) => client.identity(),
        };
        let asked = Membership {
            client: client.view(identity.as_deref()),
            topic,
        };
        let decision = self.policy.remain(asked);
        self.decide_command(client, decision).await.is_ok()
    }

    /// The identity that a client has in a channel: by a token for that alone, or else its own.
    pub(super) fn identity_in(&self, client: &Client, channel: &str) -> Option<Arc<Identity>> {
        let own = self.channel_identities.get(client.id(), channel);
        own.or_else(|| client.identity())
    }

    /// Gives a client an identity in one channel.
    pub(super) fn grant(
        &self,
        client: &Client,
        channel: &ChannelName,
        identity: &Arc<Identity>,
    ) -> Result<(), Refusal> {
        let max = self.max_topics_per_client();
        let (id, granted) = (client.id(), identity.clone());
        let Some(replaced) = self.channel_identities.set(id, channel, granted, max) else {
            self.count_limited(Limit::TopicsPerClient);
            return Err(refuse(ErrorCode::TooManyTopics, channel));
        };
        for (channel, identity) in replaced {
            self.expiry_list.remove_grant(id, &channel, &identity);
        }
        // Once more, now that it is where a revocation looks for it.
        if let Err(refusal) = self.refuse_revoked(Some(identity)) {
            self.channel_identities.remove(id, channel.as_str());
            return Err(refusal.about(TopicName::from(channel)));
        }
        if let Some(expires) = identity.expires() {
            self.expiry_list.add_grant(id, channel, expires);
        }
        Ok(())
    }

    /// Ends a membership that is no longer allowed, and tells the client why. If its shard is too
    /// busy for that, the client is closed instead (1013): it must hear nothing more of the topic.
    pub(super) async fn end_membership(
        &self,
        client: &Arc<Client>,
        topic: &Topic,
        reason: EndReason,
    ) {
        let (kind, name) = (topic.kind(), &**topic.name());
        let reason = Some(reason);
        let message = match kind {
            TopicKind::Room => ServerMessage::Left { room: name, reason },
            TopicKind::Channel => ServerMessage::Unsubscribed {
                channel: name,
                reason,
            },
        };
        let ack = self.dialect_of(client).message(&message, None);
        let announce = departure_notice(client, topic).map(|notice| self.outgoing(notice));
        let leave = self
            .hub
            .leave(client, kind, name, Some(&ack), announce.as_ref());
        if self.in_time(LeaveError::Overloaded, leave).await == Err(LeaveError::Overloaded) {
            // An error means that the hub has shut down.
            let _ = self.close(client, CloseCode::Overloaded, None).await;
        }
    }
}
