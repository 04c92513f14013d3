//! Publishing: an event is accepted, encoded once per channel, and broadcast.

use std::pin::pin;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use super::Node;
use super::lazy_timeout::lazy_timeout;
use super::publish_error::PublishError;
use super::published::Published;
use super::turn::Turn;
use crate::dialect::{Outgoing, Source};
use crate::hub::Hub;
use crate::protocol::{
    ChannelName, Event, EventId, PublishRequest, ServerMessage, Target, TopicKind, TopicMessage,
    timestamp,
};

/// Maximum size of all messages that one request publishes, summed over its events and their
/// channels. A short request can name 1000 channels for each of its events.
const MAX_REQUEST_MESSAGES_BYTES: usize = 64 * 1024 * 1024;

impl Node {
    /// Publishes an event. If its idempotency key was published to the same channels within
    /// the window, it is not published again, and the first one's result is returned.
    ///
    /// Ordering: events published one after the other reach every subscriber of a channel in
    /// that order.
    ///
    /// Backpressure: waits while shards are behind, at most for `publish_timeout`.
    ///
    /// Cancel safety: if the future is dropped, an event for several channels may have reached
    /// only some of them; with an idempotency key, it still reaches all.
    pub async fn publish(&self, request: PublishRequest) -> Result<Published, PublishError> {
        self.publish_before(request, None).await
    }

    /// Until when what is published now may wait.
    pub fn publish_deadline(&self) -> Instant {
        Instant::now() + self.options.publish_timeout
    }

    /// The same as [`publish`](Self::publish), with a deadline that other events may share. `None`
    /// stands for this event's own.
    pub(super) async fn publish_before(
        &self,
        request: PublishRequest,
        deadline: Option<Instant>,
    ) -> Result<Published, PublishError> {
        // The token comes first: either the drain sees it, or this sees the drain.
        let _publishing = self.publishing.token();
        if self.is_draining() {
            return Err(PublishError::ShuttingDown);
        }
        if let (Some(id), Some(dedup)) = (&request.id, &self.dedup) {
            let (id, dedup) = (id.clone(), dedup.clone());
            // Boxed: few events have a key, and the others need not carry this.
            let deadline = deadline.unwrap_or_else(|| self.publish_deadline());
            return Box::pin(self.publish_once(dedup, id, request, deadline)).await;
        }
        let now = SystemTime::now();
        let event = Event {
            id: request.id.unwrap_or_else(|| EventId::generate(now)),
            timestamp: timestamp(now),
            name: request.name,
            from: None,
            data: request.data,
        };
        let channels = channels(request.target);
        self.check_size(&channels, &event)?;
        let event = Arc::new(event);
        let subscribers = if let [channel] = &*channels {
            let message = event_message(&self.hub, channel, &event);
            let deadline = || deadline.unwrap_or_else(|| self.publish_deadline());
            publish_message(&self.hub, channel, &message, deadline).await?
        } else {
            // Boxed, for the same reason.
            Box::pin(self.publish_to_all(channels, &event, deadline)).await?
        };
        Ok(Published {
            id: event.id.clone(),
            timestamp: event.timestamp.clone(),
            subscribers,
        })
    }

    /// Publishes an event to several channels, in their order.
    async fn publish_to_all(
        &self,
        channels: Vec<ChannelName>,
        event: &Arc<Event>,
        deadline: Option<Instant>,
    ) -> Result<usize, PublishError> {
        let deadline = deadline.unwrap_or_else(|| self.publish_deadline());
        let (mut subscribers, mut turn) = (0, Turn::begin());
        for channel in channels {
            turn.yield_if_due().await;
            let message = event_message(&self.hub, &channel, event);
            subscribers += publish_message(&self.hub, &channel, &message, || deadline).await?;
        }
        Ok(subscribers)
    }

    /// Checks whether [`publish`](Self::publish) would accept the event now. Returns the bytes of
    /// its messages to all its channels.
    pub fn check_publishable(&self, request: &PublishRequest) -> Result<usize, PublishError> {
        if self.is_draining() {
            return Err(PublishError::ShuttingDown);
        }
        // Generated ids and timestamps have the same length as those of the real event.
        let now = SystemTime::now();
        let id = request.id.clone();
        let event = Event {
            id: id.unwrap_or_else(|| EventId::generate(now)),
            timestamp: timestamp(now),
            name: request.name.clone(),
            from: None,
            data: request.data.clone(),
        };
        self.check_size(&channels(request.target.clone()), &event)
    }

    /// The bytes of the event's messages to all its channels, without encoding them.
    pub(super) fn check_size(
        &self,
        channels: &[ChannelName],
        event: &Event,
    ) -> Result<usize, PublishError> {
        let limit = self.options.max_message_bytes;
        let mut total = 0;
        for channel in channels {
            let channel = channel.as_str();
            let bytes = ServerMessage::Event { channel, event }.json_len();
            if bytes > limit {
                return Err(PublishError::TooLarge { limit });
            }
            total += bytes;
        }
        check_total(total).map(|()| total)
    }
}

/// Checks the bytes of all messages that one request publishes.
pub(super) fn check_total(bytes: usize) -> Result<(), PublishError> {
    if bytes > MAX_REQUEST_MESSAGES_BYTES {
        return Err(PublishError::TooManyBytes {
            limit: MAX_REQUEST_MESSAGES_BYTES,
        });
    }
    Ok(())
}

pub(super) fn channels(target: Target) -> Vec<ChannelName> {
    match target {
        Target::Channels(channels) => channels,
        Target::User(user) => vec![ChannelName::of_user(&user)],
        Target::Everyone => vec![ChannelName::all()],
    }
}

/// What the subscribers of a channel receive of an event.
pub(super) fn event_message(
    hub: &Hub,
    channel: &ChannelName,
    event: &Arc<Event>,
) -> Arc<dyn Source> {
    let message = TopicMessage::Event {
        channel: channel.as_shared().clone(),
        event: event.clone(),
    };
    Outgoing::source(hub.dialects(), message)
}

/// Publishes a message to a channel before `deadline` or not at all, and returns the number of
/// subscribers it was sent to.
///
/// Cancel safety: if the future is dropped, the message is published entirely or not at all.
pub(super) async fn publish_message(
    hub: &Hub,
    channel: &ChannelName,
    message: &Arc<dyn Source>,
    deadline: impl FnOnce() -> Instant,
) -> Result<usize, PublishError> {
    let publish = pin!(async {
        if channel.reaches_everyone() {
            return Ok(hub.broadcast_to_everyone(message).await?);
        }
        let (kind, name) = (TopicKind::Channel, channel.as_shared());
        let accepted = hub.publish(kind, name, message, None, |_| None).await;
        Ok(accepted?.members)
    });
    let sent = lazy_timeout(deadline, publish).await;
    sent.unwrap_or(Err(PublishError::Overloaded))
}
