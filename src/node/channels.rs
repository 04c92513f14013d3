//! Channels: one-way; clients subscribe, backends publish.

use std::sync::Arc;

use super::history::resumed;
use super::{Node, Refusal, encode, refusal_of_leave};
use crate::hub::{Client, Joining, Resumption, TopicKind};
use crate::protocol::{ChannelName, ErrorCode, ErrorSubject, Json, Resume, ServerMessage};

impl Node {
    /// Subscribes the client, and replays what it wants of the past. What it hears anyway (`$all`, `$system`, its own
    /// `$user:<id>`) is acknowledged and changes nothing.
    pub async fn subscribe(
        &self,
        client: &Arc<Client>,
        channel: &ChannelName,
        resume: Option<&Resume>,
        reply_id: Option<&Json>,
    ) -> Result<(), Refusal> {
        let name = channel.as_str();
        let ack = |resumption: Option<&Resumption>| {
            let subscribed = ServerMessage::Subscribed {
                channel: name,
                resumed: resumption.map(resumed),
            };
            encode(&subscribed, reply_id)
        };
        if channel.is_reserved() {
            let heard_anyway = channel.reaches_everyone() || channel.user() == client.user();
            if !heard_anyway {
                return Err(about(channel, ErrorCode::Forbidden));
            }
        }
        if channel.reaches_everyone() {
            let nothing = resume.map(Resumption::without_history);
            return self
                .hub
                .send(client, ack(nothing.as_ref()))
                .await
                .map_err(|_| about(channel, ErrorCode::Draining));
        }
        let joining = Joining {
            resume,
            ..Joining::default()
        };
        let name = channel.as_shared();
        self.hub
            .join(
                client,
                TopicKind::Channel,
                name,
                joining,
                |_, resumption| Some(ack(resumption)),
            )
            .await
            .map(drop)
            .map_err(|error| about(channel, error.into()))
    }

    /// Ends the client's subscription.
    pub async fn unsubscribe(
        &self,
        client: &Arc<Client>,
        channel: &ChannelName,
        reply_id: Option<&Json>,
    ) -> Result<(), Refusal> {
        if channel.is_reserved() {
            return Err(about(channel, ErrorCode::Forbidden));
        }
        let name = channel.as_str();
        let ack = encode(&ServerMessage::Unsubscribed { channel: name }, reply_id);
        self.hub
            .leave(client, TopicKind::Channel, name, Some(&ack), None)
            .await
            .map_err(|error| about(channel, refusal_of_leave(error, ErrorCode::NotSubscribed)))
    }
}

pub(super) fn about(channel: &ChannelName, code: ErrorCode) -> Refusal {
    Refusal {
        code,
        subject: ErrorSubject::Channel(channel.as_str().into()),
    }
}
