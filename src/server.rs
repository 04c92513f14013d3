//! The server as a library: what an axum application mounts.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::{any, get};
use bytes::Bytes;
use serde::Serialize;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::config::{ConfigError, WebSocketConfig};
use crate::handles::{ClientHandle, Room};
use crate::http::{self, Api};
use crate::hub::{Client, ClientInfo, Hub, HubClosed, TopicKind, Transport};
use crate::node::{Node, PublishError, Published, Refusal};
use crate::protocol::{
    ChannelName, ErrorCode, EventData, Json, PublishRequest, RoomName, ServerMessage, Target,
    UserId,
};
use crate::session::ClientSession;
use crate::transport::sse::{self, SseRequest};
use crate::transport::{self, Connection, Stream, WebSocketUpgrade};

/// Why a call about a room, a client or a channel was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.message())]
pub struct ServerError(pub ErrorCode);

impl From<Refusal> for ServerError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.code)
    }
}

impl From<HubClosed> for ServerError {
    fn from(_: HubClosed) -> Self {
        Self(ErrorCode::Draining)
    }
}

impl From<PublishError> for ServerError {
    fn from(error: PublishError) -> Self {
        Self(error.into())
    }
}

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
        config.validate()?;
        let tasks = TaskTracker::new();
        let workers = tokio::runtime::Handle::current().metrics().num_workers();
        let hub = Hub::new(&config.hub(workers), &tasks);
        Ok(Self {
            node: Arc::new(Node::new(hub, config.node())),
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

    /// The whole edge as one router: `/ws`, `/sse`, the HTTP API, health and the page.
    pub fn router(self: &Arc<Self>) -> Router {
        let api = Arc::new(Api {
            node: self.node.clone(),
            max_body_bytes: self.config.max_body_size,
            started: self.started,
        });
        Router::new()
            // Any method: the handshake's own check says what is wrong with the others.
            .route("/ws", any(ws_handler))
            .route("/sse", get(sse_handler).fallback(http::refuse_method))
            .with_state(self.clone())
            .merge(http::router(api))
    }

    /// Serves a connection whose opening handshake is done, until it has ended.
    ///
    /// Cancel safety: none; dropped half-way, the client stays in its rooms. Run it on a task.
    pub async fn handle_connection(&self, stream: impl Into<Stream>) {
        if let Some(connection) = self.open((stream.into(), Bytes::new()), None).await {
            connection.run().await;
        }
    }

    async fn open(
        &self,
        (stream, read_ahead): (Stream, Bytes),
        user: Option<UserId>,
    ) -> Option<Connection<impl FnOnce(Arc<Client>) -> ClientSession + use<>>> {
        let info = ClientInfo {
            user: user.map(|user| user.as_shared().clone()),
            remote: stream.as_tcp().and_then(|stream| stream.peer_addr().ok()),
            transport: Transport::WebSocket,
        };
        let node = self.node.clone();
        transport::open(
            self.node.clone(),
            &self.tasks,
            (stream, read_ahead),
            info,
            self.config.wire(),
            |client| ClientSession::new(node, client),
        )
        .await
    }

    /// Makes a client a member of a room and returns how many members there are. Works
    /// for a client that has no connection: it is then made known by its id.
    pub async fn join_room(&self, room: &str, client_id: Uuid) -> Result<usize, ServerError> {
        let room = room_name(room)?;
        let client = self.node.client_or_detached(client_id).await?;
        let joined = self.node.join(&client, &room, None, None).await;
        if joined.is_err() && !client.is_attached() && client.topics().is_empty() {
            // Made known for this room only, it would stay for ever.
            self.cleanup_client(client_id).await?;
        }
        Ok(joined?)
    }

    /// Ends a client's membership of a room.
    pub async fn leave_room(&self, room: &str, client_id: Uuid) -> Result<(), ServerError> {
        let room = room_name(room)?;
        let client = self.node.hub().client(client_id);
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
        let exclude = exclude.and_then(|id| self.node.hub().client(id));
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
        let data = EventData::try_from(&Json::encode(data).map_err(invalid)?).map_err(invalid)?;
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
        let topic = self.node.hub().topic(TopicKind::Room, name)?;
        Some(Room::new(self.node.clone(), topic))
    }

    /// A client by its id.
    pub fn client(&self, id: Uuid) -> Option<ClientHandle> {
        let client = self.node.hub().client(id)?;
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

#[derive(Debug, serde::Deserialize)]
struct UpgradeQuery {
    user: Option<String>,
}

/// Upgrades a request and serves the connection: mount it with
/// `.route("/ws", get(ws_handler))` and the server as state.
pub async fn ws_handler(
    ws: WebSocketUpgrade,
    State(server): State<Arc<WebSocketServer>>,
) -> Response {
    let user = match server.admit(ws.uri()) {
        Ok(user) => user,
        Err(code) => return http::refuse(code),
    };
    let tasks = server.tasks.clone();
    let options = server.config.socket();
    ws.on_upgrade(&tasks, options, |stream| async move {
        server.open(stream, user).await
    })
}

/// Answers with a stream of events (`?channel=a&channel=b`): mount it with
/// `.route("/sse", get(sse_handler))` and the server as state.
///
/// Below [`http::serve`](crate::http::serve) the stream leaves the HTTP library once it has
/// begun, and costs as little as a WebSocket. Below another server, `axum::serve` among
/// them, it is an ordinary body: on top of the outbox, hyper keeps 16 KiB of buffers for
/// it and takes up to 408 KiB that a stalled peer does not read, and a peer that has
/// vanished is noticed when these are full for `pong_timeout`, or by the kernel.
pub async fn sse_handler(
    request: SseRequest,
    State(server): State<Arc<WebSocketServer>>,
) -> Response {
    let user = match server.admit(request.uri()) {
        Ok(user) => user,
        Err(code) => return http::refuse(code),
    };
    let options = server.config.socket();
    let node = server.node.clone();
    match sse::open(node, &server.tasks, request, user, options).await {
        Ok(response) => response,
        Err(refused) => http::refuse_with(refused.code, refused.detail),
    }
}

impl WebSocketServer {
    /// Whether one more connection is welcome, and whose it is.
    fn admit(&self, uri: &Uri) -> Result<Option<UserId>, ErrorCode> {
        if self.node.is_draining() {
            return Err(ErrorCode::Draining);
        }
        let max = self.config.max_connections;
        if max > 0 && self.node.hub().links() >= max {
            return Err(ErrorCode::TooManyConnections);
        }
        if !self.config.trust_user_parameter {
            return Ok(None);
        }
        let Query(query) =
            Query::<UpgradeQuery>::try_from_uri(uri).map_err(|_| ErrorCode::InvalidQuery)?;
        let user = query.user.map(|user| UserId::new(&user)).transpose();
        user.map_err(|_| ErrorCode::InvalidUser)
    }
}
