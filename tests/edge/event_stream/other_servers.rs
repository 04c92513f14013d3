//! Event streams below a server that knows nothing of handing a socket over.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower_service::Service as _;
use wavecast::{WebSocketServer, sse_handler};

use crate::support::{Block, EventSource, config, eventually, request, within};

use super::stream::narrow;

/// The library below a server that knows nothing of handing over.
async fn below_axum(server: &Arc<WebSocketServer>) -> (SocketAddr, JoinSet<()>) {
    let app = Router::new()
        .route("/live", get(sse_handler))
        .with_state(server.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = listener.local_addr().expect("local address");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, app).await.expect("serve") });
    (address, tasks)
}

#[tokio::test]
async fn below_another_server_a_stream_is_an_ordinary_body() {
    let server = Arc::new(WebSocketServer::new(config(|config| {
        config.ping_interval = Duration::from_millis(50);
        config.pong_timeout = Duration::from_millis(600);
    })));
    let (address, _tasks) = below_axum(&server).await;
    let mut source = EventSource::open(address, "/live?channel=news").await;
    source.expect_subscribed(&["news"]).await;
    for number in 0..100 {
        server
            .publish("news", &json!({"number": number}))
            .await
            .expect("publish");
    }
    for number in 0..100 {
        assert_eq!(source.next_json().await["data"]["number"], number);
    }
    for _ in 0..20 {
        assert_eq!(source.next_block().await, Some(Block::Comment));
    }
    let hub = server.node().hub();
    drop(EventSource::open(address, "/live?channel=news").await);
    eventually("the end of who went away", async || hub.links() == 1).await;
    let refused = request(address, "GET", "/live", None).await;
    refused.expect_problem(400, "missing_field");

    let edge = server.clone();
    let draining = JoinSet::from_iter([async move { edge.drain().await }]);
    assert_eq!(source.next_json().await["event"], "shutdown");
    assert_eq!(source.expect_close(1001).await, "shutdown");
    assert_eq!(within("the drain", draining.join_all()).await, [0]);
}

#[tokio::test]
async fn a_slow_consumer_below_another_server_is_evicted_too() {
    let server = Arc::new(WebSocketServer::new(config(|config| {
        config.outbox_messages = 16;
    })));
    let (address, _tasks) = below_axum(&server).await;
    let request = "GET /live?channel=news HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let stalled = EventSource::over(narrow(address).await, request).await;
    let metrics = server.node().hub().metrics();
    let data = json!("x".repeat(20_000));
    let mut published = 0;
    while metrics.slow_consumers_total.get() == 0 {
        assert!(published < 2000, "nobody was evicted");
        server.publish("news", &data).await.expect("publish");
        published += 1;
    }
    eventually("nobody hears the channel", async || {
        server
            .publish("news", "gone")
            .await
            .expect("publish")
            .subscribers
            == 0
    })
    .await;
    drop(stalled);
    eventually("the end", async || server.node().hub().links() == 0).await;
}

#[tokio::test]
async fn a_response_that_is_dropped_unread_leaves_nobody_behind() {
    let server = Arc::new(WebSocketServer::new(config(|_| {})));
    let mut app = server.router();
    let hub = server.node().hub();
    let request = || {
        Request::get("/sse?channel=news")
            .body(Body::empty())
            .unwrap()
    };
    let response = app.call(request()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(hub.links(), 1);
    drop(response);
    eventually("the end", async || {
        hub.links() == 0 && hub.connections() == 0
    })
    .await;
    // Nor does a request that is given up while it is answered.
    for _ in 0..100 {
        let mut answering = std::pin::pin!(app.call(request()));
        let polled = futures_util::poll!(&mut answering);
        assert!(polled.is_pending(), "it waits for its shard");
    }
    eventually("all known and gone", async || {
        hub.metrics().connections_total.get() == 101 && hub.links() == 0
    })
    .await;
}
