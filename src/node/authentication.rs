//! Authentication of a client that is connected: its token is replaced by a newer one.

use std::sync::Arc;
use std::time::SystemTime;

use super::Node;
use super::refusals::refuse_connect;
use super::rooms::departure_notice;
use crate::hub::{Client, HubClosed, LeaveError, Topic};
use crate::protocol::{
    CloseCode, EndReason, ErrorCode, Identity, Json, Refusal, ServerMessage, Token, TopicKind,
    UserId,
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
        if let Some(user) = user.filter(|_| becomes_a_user) {
            let joined = self.subscribe_to_user(client, &user).await;
            joined.map_err(refuse_connect)?;
        }
        client.set_identity(Arc::new(identity));
        self.expiry_list.add(client);
        // Once more, now that the identity is where a revocation looks for it.
        if let Err(refusal) = self.refuse_revoked(client.identity().as_deref()) {
            self.close_revoked(client).await;
            return Err(refusal);
        }
        for topic in client.topics() {
            if !self.may_remain(client, &topic).await {
                self.end_membership(client, &topic, EndReason::Forbidden)
                    .await;
            }
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

/// The message to a client whose token was accepted.
pub(super) fn authenticated(identity: Option<&Identity>, now: SystemTime) -> ServerMessage<'_> {
    let expires = identity.and_then(Identity::expires);
    ServerMessage::Authenticated {
        user: identity.and_then(Identity::user).map(UserId::as_str),
        // A token within the leeway has no time left.
        expires_in: expires.map(|at| at.duration_since(now).unwrap_or_default().as_secs()),
    }
}
