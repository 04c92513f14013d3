//! Publishing on behalf of a client.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::timeout_at;

use super::Node;
use super::dedup::Outcome;
use super::publish::event_message;
use super::publish_error::PublishError;
use crate::hub::{Client, HubClosed};
use crate::protocol::{
    ChannelName, ErrorCode, Event, EventData, EventId, EventName, Json, Refusal, ServerMessage,
    TopicKind, TopicName, timestamp,
};

/// An event that a client wants to publish.
#[derive(Debug, Clone, Copy)]
pub struct ClientPublication<'a> {
    /// The channel.
    pub channel: &'a ChannelName,
    /// The client's idempotency key.
    pub event_id: Option<&'a EventId>,
    /// The client's name for this kind of event.
    pub event: Option<&'a EventName>,
    /// The payload.
    pub data: &'a EventData,
}

impl Node {
    /// Publishes a client's event. All subscribers get it with its sender, the client too if it is one
    /// of them. If the command has an `id`, the client gets `published`.
    ///
    /// An idempotency key is the client's own: another user's event with the same key is another
    /// event.
    ///
    /// Backpressure: waits while shards are behind, at most for `publish_timeout`.
    ///
    /// Cancel safety: the event is published and remembered, or neither.
    pub async fn publish_for(
        &self,
        client: &Arc<Client>,
        publication: ClientPublication<'_>,
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        let channel = publication.channel;
        let edit = self.may_publish(client, publication).await?;
        // The token comes first: either the drain sees it, or this sees the drain.
        let publishing = self.publishing.token();
        if self.is_draining() {
            return Err(ErrorCode::Draining.into());
        }
        let sender = client.display_name();
        let own_id = publication.event_id;
        let (name, data) = (edit.name, edit.data);
        let event = Event {
            id: own_id
                .cloned()
                .unwrap_or_else(|| EventId::generate(SystemTime::now())),
            timestamp: timestamp(SystemTime::now()),
            name: name.or_else(|| publication.event.cloned()),
            from: Some(sender.as_str().into()),
            data: data.unwrap_or_else(|| publication.data.clone()),
        };
        let about = |error: PublishError| Refusal::from(error).about(TopicName::from(channel));
        self.check_size(std::slice::from_ref(channel), &event)
            .map_err(about)?;
        let id = event.id.clone();
        let publish = self.publish_to_channel(client, channel, event);
        let outcome = match (own_id, &self.dedup) {
            (Some(own_id), Some(dedup)) => {
                let key = (channel.clone(), own_id.of_sender(&sender));
                let once = dedup.once(&key, publish);
                let outcome = timeout_at(self.publish_deadline(), once).await;
                outcome.unwrap_or(Err(PublishError::Overloaded))
            }
            _ => publish.await,
        };
        drop(publishing);
        let offset = outcome.map_err(about)?.offset;
        let Some(reply_to) = reply_to else {
            return Ok(());
        };
        let published = ServerMessage::Published {
            channel: channel.as_str(),
            event_id: &id,
            offset,
        };
        self.reply(client, &published, Some(reply_to))
            .await
            .map_err(|HubClosed| ErrorCode::Draining.into())
    }

    async fn publish_to_channel(
        &self,
        client: &Client,
        channel: &ChannelName,
        event: Event,
    ) -> Result<Outcome, PublishError> {
        let message = event_message(&self.hub, channel, &Arc::new(event));
        let publish = async {
            let (kind, name) = (TopicKind::Channel, channel.as_shared());
            self.hub.introduce(kind, name, client).await?;
            let accepted = self.hub.publish(kind, name, &message, None, |_| None);
            Ok(accepted.await?)
        };
        let accepted = self.in_time(PublishError::Overloaded, publish).await?;
        Ok(Outcome {
            at: SystemTime::now(),
            subscribers: accepted.members,
            offset: accepted.position.map(|top| top.offset),
        })
    }
}
