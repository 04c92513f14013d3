//! An echo server on the product's own listener, handshake, codec and connection loop,
//! for conformance suites: `cargo run --release --example echo -- --listen 127.0.0.1:9001`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use bytesize::ByteSize;
use clap::Parser;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wavecast::dialect::Dialects;
use wavecast::http::{ServeOptions, serve};
use wavecast::hub::{Client, ClientInfo, Hub, HubClosed, HubOptions};
use wavecast::node::{Node, NodeOptions};
use wavecast::session::{InboundMessage, Session};
use wavecast::transport::websocket::{self, WebSocketUpgrade};
use wavecast::transport::{self, SocketOptions};
use wavecast::wire::{Frame, Limits};

const NEVER: Duration = Duration::from_secs(24 * 3600);

/// Echoes every message unchanged
#[derive(Debug, Parser)]
struct Args {
    /// Address to listen on; port 0 picks a free port
    #[arg(long, default_value = "127.0.0.1:9001")]
    listen: SocketAddr,
    /// Maximum size of a message
    #[arg(long, default_value = "64MiB")]
    max_message_size: ByteSize,
}

struct Echo {
    node: Arc<Node>,
    client: Arc<Client>,
    answers: Vec<Frame>,
}

impl Session for Echo {
    fn accept(&mut self, message: InboundMessage<'_>) {
        self.answers.push(match message {
            InboundMessage::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Frame::text(text.into()),
                Err(_) => unreachable!("the decoder hands out valid UTF-8 only"),
            },
            InboundMessage::Binary(payload) => Frame::binary((&*payload).into()),
            InboundMessage::TooLarge => Frame::close(1009, "message too large"),
        });
    }

    fn has_work(&self) -> bool {
        !self.answers.is_empty()
    }

    async fn perform(&mut self) -> Result<(), HubClosed> {
        for answer in std::mem::take(&mut self.answers) {
            self.node.hub().send(&self.client, answer).await?;
        }
        Ok(())
    }
}

struct Server {
    node: Arc<Node>,
    tasks: TaskTracker,
    limits: Limits,
}

async fn echo(ws: WebSocketUpgrade, State(server): State<Arc<Server>>) -> Response {
    let tasks = server.tasks.clone();
    ws.on_upgrade(&tasks, SocketOptions::default(), |stream| async move {
        let (node, info) = (server.node.clone(), ClientInfo::default());
        let echo_node = node.clone();
        let session = move |client| Echo {
            node: echo_node,
            client,
            answers: Vec::new(),
        };
        websocket::open(node, &server.tasks, stream, info, server.limits, session).await
    })
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let max_message_bytes = usize::try_from(args.max_message_size.as_u64()).unwrap_or(usize::MAX);
    let tasks = TaskTracker::new();
    let options = HubOptions {
        outbox_max_messages: 1 << 20,
        outbox_max_bytes: max_message_bytes.saturating_mul(4),
        // The suite counts a ping that it did not ask for as a wrong answer.
        ping_interval: NEVER,
        pong_timeout: NEVER,
        ..HubOptions::default()
    };
    let server = Arc::new(Server {
        node: Arc::new(Node::new(
            Hub::new(&options, Dialects::default(), &tasks),
            NodeOptions::default(),
        )),
        tasks: tasks.clone(),
        limits: Limits {
            max_message_bytes,
            // The suite sends large messages in fragments of 64 bytes.
            max_fragments: 1 << 20,
        },
    });
    let router = Router::new().fallback(get(echo)).with_state(server);
    let listener = transport::listen(args.listen)?;
    println!("listening on {}", listener.local_addr()?);
    let stop = CancellationToken::new();
    serve(listener, router, ServeOptions::default(), tasks, stop).await;
    Ok(())
}
