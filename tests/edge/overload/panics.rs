//! A panic ends the connection in which it happens, and no other.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::TcpListener;
use wavecast::WebSocketServer;
use wavecast::hub::{Client as HubClient, ClientInfo, HubClosed};
use wavecast::session::{InboundMessage, NativeSession, Session};
use wavecast::wire::Limits;

use crate::support::{Client, config, eventually};

/// A session with bugs: it panics when a client asks for it.
struct Fragile {
    inner: NativeSession,
    works: bool,
}

impl Session for Fragile {
    fn accept(&mut self, message: InboundMessage<'_>) {
        if let InboundMessage::Text(text) = &message {
            assert_ne!(**text, *b"panic while reading", "on purpose");
            self.works |= **text == *b"panic while working";
        }
        if !self.works {
            self.inner.accept(message);
        }
    }

    fn has_work(&self) -> bool {
        self.works || self.inner.has_work()
    }

    async fn perform(&mut self) -> Result<(), HubClosed> {
        tokio::task::yield_now().await;
        assert!(!self.works, "on purpose");
        self.inner.perform().await
    }
}

/// Serves sockets with such sessions, without the HTTP handshake.
async fn serve_fragile(server: Arc<WebSocketServer>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = listener.local_addr().expect("an address");
    let tasks = server.tasks().clone();
    let spawner = tasks.clone();
    spawner.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (server, node) = (server.clone(), server.node().clone());
            tasks.spawn(async move {
                let session = |client: Arc<HubClient>| Fragile {
                    inner: NativeSession::new(node.clone(), client),
                    works: false,
                };
                let stream = (stream.into(), Bytes::new());
                let (info, limits) = (ClientInfo::default(), Limits::default());
                let opened = wavecast::transport::websocket::open(
                    node.clone(),
                    server.tasks(),
                    stream,
                    info,
                    limits,
                    session,
                );
                opened.await.expect("a running hub").run().await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_panic_ends_its_connection_and_no_other() {
    let server = Arc::new(WebSocketServer::new(config(|_| {})));
    let address = serve_fragile(server.clone()).await;
    let mut neighbour = Client::dial(address).await;
    neighbour.join("lobby", 1).await;
    for (count, text) in [(1, "panic while reading"), (2, "panic while working")] {
        let mut fragile = Client::dial(address).await;
        fragile.join("lobby", 2).await;
        assert_eq!(neighbour.next_json().await["type"], "user_joined");
        fragile.send_text(text).await;
        fragile.expect_close(1011).await;
        fragile.expect_end().await;
        assert_eq!(neighbour.next_json().await["type"], "user_left");
        assert_eq!(server.node().metrics().panics_total.get(), count);
    }
    neighbour.expect_silence().await;
    let hub = server.node();
    eventually("the end of both connections", async || hub.links() == 1).await;
}
