//! A server with clients of all three dialects, as an application would mount it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wavecast::dialect::ClassId;
use wavecast::history::HistoryLimits;
use wavecast::http::{ServeOptions, serve};
use wavecast::hub::{ClientInfo, Hub, HubOptions, Overflow, TopicOptions, TopicRules};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::{ChannelName, EventData, PublishRequest, Target};
use wavecast::session::NativeSession;
use wavecast::transport::sse::SseRequest;
use wavecast::transport::websocket::{self, WebSocketUpgrade};
use wavecast::transport::{SocketOptions, listen};
use wavecast::wire::Limits;

use super::session::TerseSession;
use super::terse::{DIALECTS, TERSE};
use crate::support::{Client, EventSource, InTime as _, watch};

/// The server; it stops when it is dropped.
pub(super) struct Mounted {
    pub(super) node: Arc<Node>,
    pub(super) address: SocketAddr,
    stop: CancellationToken,
}

#[derive(Clone)]
struct Mount {
    node: Arc<Node>,
    tasks: TaskTracker,
}

/// Topics keep a history, and do `overflow` when an outbox is full.
pub(super) fn options(overflow: Overflow) -> HubOptions {
    HubOptions {
        shards: 2,
        topics: TopicRules::all(TopicOptions {
            history: Some(HistoryLimits::default()),
            overflow,
            ..TopicOptions::default()
        }),
        ..HubOptions::default()
    }
}

impl Mounted {
    pub(super) fn start(options: &HubOptions) -> Self {
        watch();
        let tasks = TaskTracker::new();
        let hub = Hub::new(options, DIALECTS, &tasks);
        let node = Arc::new(Node::new(hub, NodeOptions::default()));
        let mount = Mount {
            node: node.clone(),
            tasks: tasks.clone(),
        };
        let router = Router::new()
            .route("/ws", get(native))
            .route("/terse", get(terse))
            .route("/sse", get(event_stream))
            .with_state(mount);
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = serve(
            listener,
            router,
            ServeOptions::default(),
            tasks.clone(),
            stop.clone(),
        );
        tasks.spawn(serving);
        Self {
            node,
            address,
            stop,
        }
    }

    pub(super) async fn native(&self) -> Client {
        Client::connect(self.address, "/ws").await
    }

    pub(super) async fn terse(&self) -> Client {
        Client::connect(self.address, "/terse").await
    }

    pub(super) async fn event_stream(&self, channel: &str) -> EventSource {
        EventSource::open(self.address, &format!("/sse?channel={channel}")).await
    }

    /// Publishes `data`, which is JSON, and returns the number of subscribers.
    pub(super) async fn publish(&self, channel: &str, data: &str) -> usize {
        let channel = ChannelName::new(channel).unwrap();
        let request = PublishRequest {
            target: Target::channels(vec![channel]).unwrap(),
            id: None,
            name: None,
            data: EventData::parse(data).unwrap(),
        };
        let published = self.node.publish(request).in_time().await.unwrap();
        published.subscribers
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn native(ws: WebSocketUpgrade, State(mount): State<Mount>) -> Response {
    upgrade(ws, mount, ClassId::NATIVE, NativeSession::new)
}

async fn terse(ws: WebSocketUpgrade, State(mount): State<Mount>) -> Response {
    upgrade(ws, mount, TERSE, |node, client| TerseSession {
        node,
        client,
        accepted: Vec::<Value>::new(),
    })
}

fn upgrade<S: wavecast::session::Session>(
    ws: WebSocketUpgrade,
    Mount { node, tasks }: Mount,
    class: ClassId,
    session: fn(Arc<Node>, Arc<wavecast::hub::Client>) -> S,
) -> Response {
    let spawner = tasks.clone();
    ws.on_upgrade(
        &spawner,
        SocketOptions::default(),
        move |stream| async move {
            let info = ClientInfo {
                class,
                ..ClientInfo::default()
            };
            let for_session = node.clone();
            let session = move |client| session(for_session, client);
            websocket::open(node, &tasks, stream, info, Limits::default(), session).await
        },
    )
}

async fn event_stream(request: SseRequest, State(mount): State<Mount>) -> Response {
    let Mount { node, tasks } = mount;
    let opened =
        wavecast::transport::sse::open(node, &tasks, request, None, SocketOptions::default());
    opened
        .await
        .unwrap_or_else(|refusal| refusal.to_string().into_response())
}
