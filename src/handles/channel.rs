//! A handle to a channel.

use std::sync::Arc;

use crate::hub::Topic;

/// A handle to a channel; cheap to clone.
///
/// A channel that loses its last subscriber may disappear while the handle is held. If it is
/// then created again, the handle still refers to the old one: look the channel up again with
/// [`WebSocketServer::channel`](crate::WebSocketServer::channel).
#[derive(Debug, Clone)]
pub struct Channel {
    topic: Arc<Topic>,
}

impl Channel {
    pub(crate) fn new(topic: Arc<Topic>) -> Self {
        Self { topic }
    }

    /// The channel's name.
    pub fn name(&self) -> &str {
        self.topic.name()
    }

    /// The number of subscribers.
    pub fn subscribers(&self) -> usize {
        self.topic.members()
    }
}
