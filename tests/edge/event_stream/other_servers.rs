//! Event streams on a server that cannot hand over its sockets, such as plain `axum::serve`.

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

use crate::support::{
    Block, EventSource, InTime as _, config, eventually, join_all, publish, request,
};

/// Serves the library with `axum::serve`.
async fn serve_with_axum(server: &Arc<WebSocketServer>) -> (SocketAddr, JoinSet<()>) {
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
async fn on_another_server_a_stream_is_an_ordinary_response_body() {
    let server = Arc::new(WebSocketServer::new(config(|config| {
        config.ping_interval = Duration::from_millis(50);
        config.pong_timeout = Duration::from_millis(600);
    })));
    let (address, _tasks) = serve_with_axum(&server).await;
    let mut source = EventSource::open(address, "/live?channel=news").await;
    source.expect_subscribed(&["news"]).await;
    for number in 0..100 {
        publish(&server, "news", &json!({"number": number})).await;
    }
    for number in 0..100 {
        assert_eq!(source.next_json().await["data"]["number"], number);
    }
    for _ in 0..20 {
        assert_eq!(source.next_block().await, Some(Block::Comment));
    }
    let hub = server.node();
    drop(EventSource::open(address, "/live?channel=news").await);
    eventually("the end of the closed connection", async || {
        hub.links() == 1
    })
    .await;
    let refused = request(address, "GET", "/live", None).await;
    refused.expect_problem(400, "missing_field");

    let edge = server.clone();
    let draining = JoinSet::from_iter([async move { edge.drain().await }]);
    assert_eq!(source.next_json().await["event"], "shutdown");
    assert_eq!(source.expect_close(1001).await, "shutdown");
    assert_eq!(join_all("the drain", draining).await, [0]);
}

#[tokio::test]
async fn a_slow_consumer_on_another_server_is_evicted() {
    let server = Arc::new(WebSocketServer::new(config(|config| {
        config.outbox.messages = 16;
    })));
    let (address, _tasks) = serve_with_axum(&server).await;
    let stalled = EventSource::open_with_small_buffer(address, "/live?channel=news").await;
    let metrics = server.node().metrics();
    let data = json!("x".repeat(20_000));
    let mut published = 0;
    while metrics.slow_consumers_total.get() == 0 {
        assert!(published < 2000, "nobody was evicted");
        publish(&server, "news", &data).await;
        published += 1;
    }
    eventually("a channel without subscribers", async || {
        publish(&server, "news", "gone").await.subscribers == 0
    })
    .await;
    drop(stalled);
    eventually("the end of the connection", async || {
        server.node().links() == 0
    })
    .await;
}

#[tokio::test]
async fn a_response_that_is_dropped_unread_leaves_no_connection_behind() {
    let server = Arc::new(WebSocketServer::new(config(|_| {})));
    let mut app = server.router();
    let hub = server.node();
    let request = || {
        Request::get("/sse?channel=news")
            .body(Body::empty())
            .unwrap()
    };
    let response = app.call(request()).in_time().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(hub.links(), 1);
    drop(response);
    eventually("the end of the connection", async || {
        hub.links() == 0 && hub.connection_count() == 0
    })
    .await;
    // The same for requests that are cancelled while they are answered.
    for _ in 0..100 {
        let mut answering = std::pin::pin!(app.call(request()));
        let polled = futures_util::poll!(&mut answering);
        assert!(polled.is_pending(), "the request waits for its shard");
    }
    eventually("the end of all connections", async || {
        hub.metrics().connections_total.get() == 101 && hub.links() == 0
    })
    .await;
}
