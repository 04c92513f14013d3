//! A handle to a room.

use std::sync::Arc;

use crate::error::ServerError;
use crate::hub::Topic;
use crate::node::Node;
use crate::protocol::{ErrorCode, RoomName, ServerMessage};

/// A room; cheap to clone. It may empty and disappear while the handle is held.
#[derive(Debug, Clone)]
pub struct Room {
    node: Arc<Node>,
    topic: Arc<Topic>,
}

impl Room {
    pub(crate) fn new(node: Arc<Node>, topic: Arc<Topic>) -> Self {
        Self { node, topic }
    }

    /// The room's name.
    pub fn name(&self) -> &str {
        self.topic.name()
    }

    /// Members now.
    pub fn members(&self) -> usize {
        self.topic.members()
    }

    /// Sends a message to all members and returns to how many.
    pub async fn broadcast(&self, message: ServerMessage<'_>) -> Result<usize, ServerError> {
        let name = RoomName::new(self.name()).map_err(|_| ServerError(ErrorCode::InvalidRoom))?;
        Ok(self.node.broadcast_to_room(&name, &message, None).await?)
    }
}
