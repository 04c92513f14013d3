//! Building and publishing an event.

use std::sync::Arc;

use serde::Serialize;

use crate::node::{Node, PublishError, Published};
use crate::protocol::{
    ChannelName, EventData, EventId, EventName, Json, PublishRequest, Target, UserId,
};

/// Builds an event and [`send`](Self::send)s it.
///
/// Created by [`WebSocketServer::event`](crate::WebSocketServer::event),
/// [`event_for_channels`](crate::WebSocketServer::event_for_channels),
/// [`event_for_user`](crate::WebSocketServer::event_for_user) and
/// [`event_for_everyone`](crate::WebSocketServer::event_for_everyone). Everything but `send` is
/// optional. If anything is invalid, `send` returns the first error.
///
/// ```
/// # use wavecast::{PublishError, WebSocketConfig, WebSocketServer};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), PublishError> {
/// # let server = WebSocketServer::new(WebSocketConfig::default());
/// let published = server
///     .event("orders")
///     .name("order.created")
///     .id("o-17")
///     .data(&serde_json::json!({ "order": 17, "total": "9.90" }))
///     .send()
///     .await?;
/// assert_eq!(published.id.as_str(), "o-17");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "an event is published by `send`"]
pub struct EventBuilder {
    node: Arc<Node>,
    request: Result<PublishRequest, PublishError>,
}

impl EventBuilder {
    /// An event for the subscribers of these channels.
    pub(crate) fn for_channels(
        node: Arc<Node>,
        channels: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        let channels: Result<Vec<_>, _> = channels
            .into_iter()
            // One more than the maximum, so that an endless iterator is refused too.
            .take(Target::MAX_CHANNELS + 1)
            .map(|channel| channel_name(channel.as_ref()))
            .collect();
        let target = channels.and_then(|channels| Ok(Target::channels(channels)?));
        Self::new(node, target)
    }

    /// An event for every connection of a user.
    pub(crate) fn for_user(node: Arc<Node>, user: &str) -> Self {
        let user = UserId::new(user).map_err(PublishError::InvalidUser);
        Self::new(node, user.map(Target::User))
    }

    /// An event for every connection.
    pub(crate) fn for_everyone(node: Arc<Node>) -> Self {
        Self::new(node, Ok(Target::Everyone))
    }

    fn new(node: Arc<Node>, target: Result<Target, PublishError>) -> Self {
        let request = target.map(|target| PublishRequest {
            target,
            id: None,
            name: None,
            data: EventData::default(),
        });
        Self { node, request }
    }

    /// Sets the event's name, such as `order.created`: 1 to 200 bytes, no control characters.
    /// Clients get it as `event` beside the channel. Default: no name.
    pub fn name(self, name: &str) -> Self {
        self.set(|request| {
            request.name = Some(EventName::new(name).map_err(PublishError::InvalidName)?);
            Ok(())
        })
    }

    /// Sets the event's id, an idempotency key: 1 to 200 bytes, no control characters.
    /// Publishing the same id to a channel again within the publish window (5 minutes by
    /// default) delivers nothing and returns the first one's result. Default: an id that the
    /// server generates.
    pub fn id(self, id: &str) -> Self {
        self.set(|request| {
            request.id = Some(EventId::new(id).map_err(PublishError::InvalidId)?);
            Ok(())
        })
    }

    /// Sets the event's data. An object is delivered with the event's `id` and `timestamp`
    /// added where it has none of its own; anything else is delivered as
    /// `{"id":…,"timestamp":…,"value":…}`. Default: an empty object.
    pub fn data<T: Serialize + ?Sized>(self, data: &T) -> Self {
        self.set(|request| {
            request.data = EventData::parse(Json::encode(data)?.as_str())?;
            Ok(())
        })
    }

    /// Sets the event's data from JSON text, which is delivered as it is; otherwise like
    /// [`data`](Self::data).
    pub fn json(self, text: &str) -> Self {
        self.set(|request| {
            request.data = EventData::parse(text)?;
            Ok(())
        })
    }

    fn set(mut self, change: impl FnOnce(&mut PublishRequest) -> Result<(), PublishError>) -> Self {
        if let Ok(request) = &mut self.request
            && let Err(error) = change(request)
        {
            self.request = Err(error);
        }
        self
    }

    /// Publishes the event. Returns once it is on its way to every subscriber.
    ///
    /// Ordering: events that are sent one after the other reach every subscriber of a channel
    /// in that order.
    ///
    /// Backpressure: waits while the shards are behind, at most for the publish timeout (1
    /// second by default).
    ///
    /// Errors: an `Invalid…` variant, [`PublishError::ChannelCount`] or
    /// [`PublishError::ReservedChannel`] if the event is invalid; [`PublishError::TooLarge`];
    /// [`PublishError::Overloaded`] (publish again); [`PublishError::ShuttingDown`].
    ///
    /// Cancel safety: if the future is dropped, an event for one channel is published entirely
    /// or not at all. An event for several channels may have reached only some of them; with an
    /// [`id`](Self::id), it still reaches all.
    pub async fn send(self) -> Result<Published, PublishError> {
        self.node.publish(self.request?).await
    }
}

fn channel_name(channel: &str) -> Result<ChannelName, PublishError> {
    ChannelName::new(channel).map_err(|source| PublishError::InvalidChannel {
        channel: channel.into(),
        source,
    })
}
