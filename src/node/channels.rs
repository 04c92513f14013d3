//! Channels: one-way; clients subscribe, backends publish.

use std::sync::Arc;

use super::{Node, Refusal, encode, refusal_of_leave};
use crate::hub::{Client, TopicKind};
use crate::protocol::{ChannelName, ErrorCode, ErrorSubject, Json, ServerMessage};

impl Node {
    /// Subscribes the client. What it hears anyway (`$all`, `$system`, its own
    /// `$user:<id>`) is acknowledged and changes nothing.
    pub async fn subscribe(
        &self,
        client: &Arc<Client>,
        channel: &ChannelName,
        reply_id: Option<&Json>,
    ) -> Result<(), Refusal> {
        let name = channel.as_str();
        let ack = encode(&ServerMessage::Subscribed { channel: name }, reply_id);
        if channel.is_reserved() {
            let heard_anyway = channel.reaches_everyone() || channel.user() == client.user();
            if !heard_anyway {
                return Err(about(channel, ErrorCode::Forbidden));
            }
            return self
                .hub
                .send(client, ack)
                .await
                .map_err(|_| about(channel, ErrorCode::Draining));
        }
        self.hub
            .join(
                client,
                TopicKind::Channel,
                channel.as_shared(),
                usize::MAX,
                |_| Some(ack.clone()),
                None,
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

fn about(channel: &ChannelName, code: ErrorCode) -> Refusal {
    Refusal {
        code,
        subject: ErrorSubject::Channel(channel.as_str().into()),
    }
}
