//! Access control: the only place where the node refuses a command or a request.
//!
//! The server's own rules come first, then the application's [`Policy`](super::policy::Policy).

mod deciding;
mod presence;

use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use super::Node;
use super::admission::{Admission, unmapped};
use super::policy::{
    Allowed, Answer, ClientPublish, Connect, Decision, Edit, History, Join, Message, Publish,
    Subscribe, Terms, Topic,
};
use super::publish_for::ClientPublication;
use super::refusals::refuse;
use crate::hub::{Client, ClientInfo, ClientRef, Topic as HubTopic};
use crate::limits::Limit;
use crate::protocol::{
    ChannelName, ErrorCode, Identity, Json, PublishRequest, Refusal, ResumeRequest, RoomName,
    Subject, Token, TopicKind, TopicName, UserId,
};

impl Node {
    /// Refuses a new connection if the node is draining or has its maximum number of them.
    pub fn admit_connection(&self) -> Result<(), Refusal> {
        if self.is_draining() {
            return Err(ErrorCode::Draining.into());
        }
        self.has_room(self.awaiting.count())
    }

    /// Whether one more connection fits beside those that are open, and those that are
    /// `awaiting` a decision: these may all be allowed at once.
    pub(super) fn has_room(&self, awaiting: usize) -> Result<(), Refusal> {
        let max = self.options.max_connections;
        if max > 0 && self.hub.links() + awaiting >= max {
            self.count_limited(Limit::MaxConnections);
            return Err(ErrorCode::TooManyConnections.into());
        }
        Ok(())
    }

    /// Asks the policy whether this client may connect, and as whom.
    pub async fn admit(
        &self,
        mut info: ClientInfo,
        token: Option<&Token>,
    ) -> Result<Admission, Refusal> {
        let place = self.awaiting.enter();
        self.has_room(place.ahead)?;
        let id = Uuid::now_v7();
        info.remote = info.remote.map(unmapped);
        let address_place = self.enter_address(info.remote)?;
        if token.is_some() {
            self.may_authenticate(info.remote)?;
        }
        let client = ClientRef::new(id, &info, true);
        let asked = Connect { client, token };
        let ask = || self.policy.connect(asked);
        let decided = self.decide_request(ask, None).await;
        let decided = decided.and_then(|allowed| {
            if let Allowed::Changed(identity) = allowed {
                info.identity = Some(Arc::new(identity));
            }
            self.refuse_revoked(info.identity.as_deref())
        });
        if let Err(refusal) = decided {
            if token.is_some() {
                self.record_refused_token(info.remote, &refusal);
            }
            return Err(refusal);
        }
        let user = info.identity.as_deref().and_then(Identity::user);
        self.has_room_for_user(user)?;
        let places = (place, address_place);
        Ok(Admission::new(self.policy.clone(), id, info, places))
    }

    /// Checks whether a client may subscribe to a channel, and returns the terms. Only their
    /// audience may subscribe to the server's own channels.
    pub(super) async fn may_subscribe(
        &self,
        client: &Client,
        channel: &ChannelName,
        token: Option<&Token>,
        resume: Option<&ResumeRequest>,
        watches: bool,
    ) -> Result<Terms, Refusal> {
        if channel.is_reserved() {
            may_receive(client, channel)?;
            if watches {
                return Err(refuse(ErrorCode::NoPresence, channel));
            }
            return Ok(Terms::default());
        }
        // A new token is that of the client, not of what it has had in the channel.
        if token.is_some() {
            self.may_authenticate(client.remote())
                .map_err(|refusal| refusal.about(TopicName::from(channel)))?;
        }
        let identity = match token {
            Some(_) => client.identity(),
            None => self.identity_in(client, channel.as_str()),
        };
        let asked = Subscribe {
            client: client.view(identity.as_deref()),
            channel,
            token,
            resume,
        };
        let decision = self.policy.subscribe(asked);
        let answer = self.decide_command(client, decision).await;
        let terms = changed(answer, channel).map(Option::unwrap_or_default);
        let terms = terms.and_then(|terms| {
            if let Some(identity) = terms.identity() {
                self.refuse_revoked(Some(identity))
                    .map_err(|refusal| refusal.about(TopicName::from(channel)))?;
            }
            Ok(terms)
        });
        if let (Some(_), Err(refusal)) = (token, &terms) {
            self.record_refused_token(client.remote(), refusal);
        }
        let terms = terms?;
        if watches {
            let identity = terms.identity().or(identity.as_ref());
            self.may_see(client, Topic::Channel(channel), identity)
                .await?;
        }
        if let Some(identity) = terms.identity() {
            self.grant(client, channel, identity)?;
        }
        Ok(terms)
    }

    /// Refuses to unsubscribe from the server's own channels.
    pub(super) fn may_unsubscribe(channel: &ChannelName) -> Result<(), Refusal> {
        if channel.is_reserved() {
            return Err(refuse(ErrorCode::Forbidden, channel));
        }
        Ok(())
    }

    /// Checks whether a client may join a room, and returns the terms.
    pub(super) async fn may_join(
        &self,
        client: &Client,
        room: &RoomName,
        resume: Option<&ResumeRequest>,
        watches: bool,
    ) -> Result<Terms, Refusal> {
        let identity = client.identity();
        let asked = Join {
            client: client.view(identity.as_deref()),
            room,
            resume,
        };
        let decision = self.policy.join(asked);
        let answer = self.decide_command(client, decision).await;
        let terms = changed(answer, room).map(Option::unwrap_or_default)?;
        if watches {
            self.may_see(client, Topic::Room(room), identity.as_ref())
                .await?;
        }
        Ok(terms)
    }

    /// Checks whether a client may send a message to a room; only members may. Returns the
    /// content to send instead, if the policy changed it.
    pub(super) async fn may_say(
        &self,
        client: &Client,
        room: &RoomName,
        content: &Json,
    ) -> Result<Option<Json>, Refusal> {
        self.member_of(client, room)?;
        let identity = client.identity();
        let asked = Message {
            client: client.view(identity.as_deref()),
            room,
            content,
        };
        let decision = self.policy.message(asked);
        let waited = matches!(decision, Decision::Later(_));
        let answer = self.decide_command(client, decision).await;
        let content = changed(answer, room)?;
        if waited {
            // The application may have ended the membership in the meantime.
            self.member_of(client, room)?;
        }
        Ok(content)
    }

    /// Checks whether a client may publish an event, and returns the policy's changes.
    pub(super) async fn may_publish(
        &self,
        client: &Client,
        publication: ClientPublication<'_>,
    ) -> Result<Edit, Refusal> {
        let ClientPublication {
            channel,
            event_id,
            event,
            data,
        } = publication;
        if channel.is_reserved() {
            return Err(refuse(ErrorCode::Forbidden, channel));
        }
        let identity = self.identity_in(client, channel.as_str());
        let asked = ClientPublish {
            client: client.view(identity.as_deref()),
            channel,
            id: event_id,
            name: event,
            data,
        };
        let decision = self.policy.client_publish(asked);
        let answer = self.decide_command(client, decision).await;
        changed(answer, channel).map(Option::unwrap_or_default)
    }

    /// Checks whether a client may read a channel's history.
    pub(super) async fn may_read_channel(
        &self,
        client: &Client,
        channel: &ChannelName,
    ) -> Result<(), Refusal> {
        if channel.is_reserved() {
            return may_receive(client, channel);
        }
        self.may_read(client, Topic::Channel(channel)).await
    }

    /// Checks whether a client may read a room's history; only members may.
    pub(super) async fn may_read_room(
        &self,
        client: &Client,
        room: &RoomName,
    ) -> Result<(), Refusal> {
        self.member_of(client, room)?;
        self.may_read(client, Topic::Room(room)).await
    }

    async fn may_read(&self, client: &Client, topic: Topic<'_>) -> Result<(), Refusal> {
        let identity = match topic {
            Topic::Channel(channel) => self.identity_in(client, channel.as_str()),
            Topic::Room(_) => client.identity(),
        };
        let asked = History {
            client: client.view(identity.as_deref()),
            topic,
        };
        let decision = self.policy.history(asked);
        let answer = self.decide_command(client, decision).await;
        changed(answer, topic).map(drop)
    }

    /// The room, if the client is a member of it. Only members may read its history and send
    /// messages to it.
    pub(super) fn member_of(
        &self,
        client: &Client,
        room: &RoomName,
    ) -> Result<Arc<HubTopic>, Refusal> {
        let topic = self.hub.topic(TopicKind::Room, room.as_str());
        topic
            .filter(|topic| client.is_member(topic))
            .ok_or_else(|| refuse(ErrorCode::NotInRoom, room))
    }

    /// Asks the policy whether a backend may publish an event, and returns the event with the
    /// policy's changes. `deadline` comes from [`policy_deadline`](Self::policy_deadline), so
    /// that all events of a batch can share one.
    pub async fn review(
        &self,
        publisher: Option<&Identity>,
        mut request: PublishRequest,
        deadline: Option<Instant>,
    ) -> Result<PublishRequest, Refusal> {
        let asked = Publish {
            publisher,
            target: &request.target,
            id: request.id.as_ref(),
            name: request.name.as_ref(),
            data: &request.data,
        };
        let ask = || self.policy.publish(asked);
        if let Allowed::Changed(edit) = self.decide_request(ask, deadline).await? {
            request.name = edit.name.or(request.name);
            request.data = edit.data.unwrap_or(request.data);
        }
        Ok(request)
    }
}

/// The policy's change, if it made one. A refusal without a subject gets `topic` as its own.
fn changed<'a, T>(
    answer: Answer<T>,
    topic: impl Into<TopicName<'a>>,
) -> Result<Option<T>, Refusal> {
    match answer {
        Ok(Allowed::AsAsked) => Ok(None),
        Ok(Allowed::Changed(to)) => Ok(Some(to)),
        Err(refusal) if refusal.subject == Subject::None => Err(refusal.about(topic.into())),
        Err(refusal) => Err(refusal),
    }
}

/// Refuses one of the server's own channels to a client outside its audience.
fn may_receive(client: &Client, channel: &ChannelName) -> Result<(), Refusal> {
    if channel.reaches_everyone() || channel.user() == client.user().as_ref().map(UserId::as_str) {
        return Ok(());
    }
    Err(refuse(ErrorCode::Forbidden, channel))
}
