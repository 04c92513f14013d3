//! A handle to a room.

use std::sync::Arc;

use crate::error::BroadcastError;
use crate::hub::Topic;
use crate::node::Node;
use crate::protocol::{RoomName, ServerMessage};

/// A handle to a room; cheap to clone.
///
/// A room that loses its last member may disappear while the handle is held. If it is then
/// created again, [`members`](Self::members) still counts those of the old one: look the room
/// up again with [`WebSocketServer::room`](crate::WebSocketServer::room).
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

    /// The number of members.
    pub fn members(&self) -> usize {
        self.topic.members()
    }

    /// Sends a message to all members and returns the number of members it was sent to.
    ///
    /// Otherwise like
    /// [`WebSocketServer::broadcast_to_room`](crate::WebSocketServer::broadcast_to_room).
    pub async fn broadcast(&self, message: ServerMessage<'_>) -> Result<usize, BroadcastError> {
        let name = RoomName::new(self.name())?;
        Ok(self.node.broadcast_to_room(&name, &message, None).await?)
    }
}
