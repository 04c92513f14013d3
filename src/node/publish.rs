//! Publishing: an event is accepted, encoded once per channel, and broadcast.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::{Instant, timeout_at};

use super::Node;
use super::publish_error::PublishError;
use super::published::Published;
use crate::hub::Hub;
use crate::protocol::{
    ChannelName, Event, EventId, PublishRequest, ServerMessage, Target, TopicKind, timestamp,
};
use crate::wire::Frame;

impl Node {
    /// Publishes an event. If its idempotency key was published to the same channels within the
    /// window, returns the result of the first publication.
    ///
    /// Ordering: two events published one after the other reach every subscriber of a
    /// channel in that order.
    /// Backpressure: waits while shards are behind, at most `publish_timeout`.
    /// Cancel safety: an event for several channels may have reached only some of them; with an
    /// idempotency key it reaches all of them.
    pub async fn publish(&self, request: PublishRequest) -> Result<Published, PublishError> {
        // The token comes first: either the drain sees it, or this sees the drain.
        let _publishing = self.publishing.token();
        if self.is_draining() {
            return Err(PublishError::ShuttingDown);
        }
        let deadline = Instant::now() + self.options.publish_timeout;
        if let (Some(id), Some(dedup)) = (&request.id, &self.dedup) {
            let (id, dedup) = (id.clone(), dedup.clone());
            return self.publish_once(dedup, id, request, deadline).await;
        }
        let event = Event {
            id: request.id.unwrap_or_else(EventId::generate),
            timestamp: timestamp(SystemTime::now()),
            name: request.name,
            data: request.data,
        };
        let mut subscribers = 0;
        for (channel, message) in self.messages(channels(&request.target), &event)? {
            subscribers += publish_message(&self.hub, &channel, message, deadline).await?;
        }
        Ok(Published {
            id: event.id,
            timestamp: event.timestamp,
            subscribers,
        })
    }

    /// Whether [`publish`](Self::publish) would accept the event now.
    pub fn check_publishable(&self, request: &PublishRequest) -> Result<(), PublishError> {
        if self.is_draining() {
            return Err(PublishError::ShuttingDown);
        }
        // Ids and timestamps made here are as long as those of the real event.
        let PublishRequest { id, name, data, .. } = request.clone();
        let event = Event {
            id: id.unwrap_or_else(EventId::generate),
            timestamp: timestamp(SystemTime::now()),
            name,
            data,
        };
        self.messages(channels(&request.target), &event).map(drop)
    }

    /// The event as the subscribers of each channel get it.
    pub(super) fn messages(
        &self,
        channels: Vec<ChannelName>,
        event: &Event,
    ) -> Result<Vec<(ChannelName, Arc<str>)>, PublishError> {
        let limit = self.options.max_message_bytes;
        let encoded = channels.into_iter().map(|channel| {
            let message = event_message(&channel, event);
            let fits = message.len() <= limit;
            fits.then_some((channel, message))
                .ok_or(PublishError::TooLarge { limit })
        });
        encoded.collect()
    }
}

pub(super) fn channels(target: &Target) -> Vec<ChannelName> {
    match target {
        Target::Channels(channels) => channels.clone(),
        Target::User(user) => vec![ChannelName::of_user(user)],
        Target::Everyone => vec![ChannelName::all()],
    }
}

/// Publishes to all subscribers of the channel, or to none after `deadline`. Returns the number
/// of subscribers.
///
/// Cancel safety: the message is published entirely or not at all.
pub(super) async fn publish_message(
    hub: &Hub,
    channel: &ChannelName,
    message: Arc<str>,
    deadline: Instant,
) -> Result<usize, PublishError> {
    let publish = async {
        if channel.reaches_everyone() {
            return hub.broadcast_to_everyone(&Frame::text(message)).await;
        }
        let (kind, name) = (TopicKind::Channel, channel.as_shared());
        let accepted = hub.publish(kind, name, &message, None, |_| None).await;
        Ok(accepted?.members)
    };
    match timeout_at(deadline, publish).await {
        Ok(sent) => Ok(sent?),
        Err(_elapsed) => Err(PublishError::Overloaded),
    }
}

pub(super) fn event_message(channel: &ChannelName, event: &Event) -> Arc<str> {
    let channel = channel.as_str();
    ServerMessage::Event { channel, event }.to_json().into()
}
