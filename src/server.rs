//! The server as a library: what an axum application mounts.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde::Serialize;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::config::{ConfigError, WebSocketConfig};
use crate::dialect::native::{Native, parse_event_data};
use crate::error::ServerError;
use crate::handles::{ClientHandle, Room};
use crate::http::Api;
use crate::hub::{ClientInfo, Hub, HubOptions, Observers};
use crate::node::policy::Policy;
use crate::node::{Node, Published};
use crate::protocol::{
    ChannelName, ErrorCode, Json, PublishRequest, RoomName, ServerMessage, Target, TopicKind,
};
use crate::session::NativeSession;
use crate::transport::websocket::{self, Stream};

/// Rooms and channels over WebSocket, for the binary and for an application's own router.
///
/// ```
/// use std::sync::Arc;
/// use axum::{Router, routing::get};
/// use wavecast::{WebSocketConfig, WebSocketServer, ws_handler};
///
/// # #[tokio::main]
/// # async fn main() {
/// let server = Arc::new(WebSocketServer::new(WebSocketConfig::default()));
/// let app: Router = Router::new()
///     .route("/ws", get(ws_handler))
///     .with_state(server.clone());
/// # drop(app);
/// # }
/// ```
#[derive(Debug)]
pub struct WebSocketServer {
    node: Arc<Node>,
    config: WebSocketConfig,
    tasks: TaskTracker,
    started: Instant,
}

impl WebSocketServer {
    /// Starts a server's shards on the current Tokio runtime.
    ///
    /// Panics outside a runtime, and on a configuration that cannot work; see
    /// [`try_new`](Self::try_new).
    pub fn new(config: WebSocketConfig) -> Self {
        match Self::try_new(config) {
            Ok(server) => server,
            Err(error) => panic!("invalid configuration: {error}"),
        }
    }

    /// Starts a server's shards on the current Tokio runtime; refuses a configuration
    /// that cannot work. Panics outside a runtime.
    pub fn try_new(config: WebSocketConfig) -> Result<Self, ConfigError> {
        Self::assemble(config, Observers::default(), None)
    }

    /// Starts a server with what the application has to say in it.
    pub(crate) fn assemble(
        config: WebSocketConfig,
        observers: Observers,
        policy: Option<Arc<dyn Policy>>,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        let tasks = TaskTracker::new();
        let workers = tokio::runtime::Handle::current().metrics().num_workers();
        let options = HubOptions {
            observers,
            ..config.hub(workers)
        };
        let hub = Hub::new(&options, &Native, &tasks);
        let node = match policy {
            Some(policy) => Node::with_policy(hub, config.node(), policy),
            None => Node::new(hub, config.node()),
        };
        Ok(Self {
            node: Arc::new(node),
            config,
            tasks,
            started: Instant::now(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &WebSocketConfig {
        &self.config
    }

    /// The use-cases underneath.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// The tasks of the server and its connections.
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// What the HTTP API's handlers share.
    pub(crate) fn api(&self) -> Arc<Api> {
        Arc::new(Api {
            node: self.node.clone(),
            max_body_bytes: self.config.max_body_size,
            started: self.started,
        })
    }

    /// Serves a connection whose opening handshake is done, until it has ended. The policy is
    /// asked whether it may connect; if not, the peer gets a Close frame.
    ///
    /// Cancel safety: none; dropped half-way, the client stays in its rooms. Run it on a task.
    pub async fn handle_connection(&self, stream: impl Into<Stream>) {
        let stream = stream.into();
        let info = ClientInfo {
            remote: stream.as_tcp().and_then(|socket| socket.peer_addr().ok()),
            ..ClientInfo::default()
        };
        let node = self.node.clone();
        let opened = websocket::open(
            self.node.clone(),
            &self.tasks,
            (stream, Bytes::new()),
            info,
            self.config.wire(),
            |client| NativeSession::new(node, client),
        );
        if let Some(connection) = opened.await {
            connection.run().await;
        }
    }

    /// Makes a client a member of a room and returns how many members there are. Works
    /// for a client that has no connection: it is then made known by its id.
    pub async fn join_room(&self, room: &str, client_id: Uuid) -> Result<usize, ServerError> {
        let room = room_name(room)?;
        let client = self.node.client_or_detached(client_id).await?;
        let joined = self.node.add_to_room(&client, &room).await;
        if joined.is_err() && !client.is_attached() && client.topics().is_empty() {
            // Made known for this room only, it would stay for ever.
            self.cleanup_client(client_id).await?;
        }
        Ok(joined?)
    }

    /// Ends a client's membership of a room.
    pub async fn leave_room(&self, room: &str, client_id: Uuid) -> Result<(), ServerError> {
        let room = room_name(room)?;
        let client = self.node.client(client_id);
        let client = client.ok_or(ServerError(ErrorCode::NotInRoom))?;
        Ok(self.node.leave(&client, &room, None).await?)
    }

    /// Sends a message to a room's members, but not to `exclude`, and returns to how many.
    /// A room that is not there has none.
    pub async fn broadcast_to_room(
        &self,
        room: &str,
        message: ServerMessage<'_>,
        exclude: Option<Uuid>,
    ) -> Result<usize, ServerError> {
        let room = room_name(room)?;
        let exclude = exclude.and_then(|id| self.node.client(id));
        let sent = self
            .node
            .broadcast_to_room(&room, &message, exclude.as_ref())
            .await?;
        Ok(sent)
    }

    /// Takes a client out of every room and channel, announced once a room, and closes
    /// its connection if it has one. A client that is not known is no error.
    pub async fn cleanup_client(&self, client_id: Uuid) -> Result<(), ServerError> {
        match self.client(client_id) {
            Some(client) => client.disconnect().await,
            None => Ok(()),
        }
    }

    /// Publishes an event to a channel and returns its id and how many subscribers it was
    /// sent to.
    pub async fn publish<T: Serialize + ?Sized>(
        &self,
        channel: &str,
        data: &T,
    ) -> Result<Published, ServerError> {
        let channel =
            ChannelName::new(channel).map_err(|_| ServerError(ErrorCode::InvalidChannel))?;
        let invalid = |_| ServerError(ErrorCode::InvalidJson);
        let data = parse_event_data(&Json::encode(data).map_err(invalid)?).map_err(invalid)?;
        let request = PublishRequest {
            target: Target::Channels(vec![channel]),
            id: None,
            name: None,
            data,
        };
        Ok(self.node.publish(request).await?)
    }

    /// A room that has members.
    pub fn room(&self, name: &str) -> Option<Room> {
        let topic = self.node.topic(TopicKind::Room, name)?;
        Some(Room::new(self.node.clone(), topic))
    }

    /// A client by its id.
    pub fn client(&self, id: Uuid) -> Option<ClientHandle> {
        let client = self.node.client(id)?;
        Some(ClientHandle::new(self.node.clone(), client))
    }

    /// Shuts down: nothing new is accepted, everybody is told, and all connections are
    /// closed with 1001 in paced batches behind what waits for them. Returns how many
    /// were still there when [`drain_timeout`](WebSocketConfig::drain_timeout) passed.
    pub async fn drain(&self) -> usize {
        self.node.drain(&self.config.drain()).await
    }
}

fn room_name(name: &str) -> Result<RoomName, ServerError> {
    RoomName::new(name).map_err(|_| ServerError(ErrorCode::InvalidRoom))
}
