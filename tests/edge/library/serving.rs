//! An application on the server's own listener.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use wavecast::{WebSocketServer, sse_handler, ws_handler};

use crate::support::{Client, EventSource, config, request, within};

#[tokio::test]
async fn an_application_serves_until_it_is_told_to_stop_and_drains() {
    let live = Arc::new(WebSocketServer::new(config(|_| {})));
    let app = Router::new()
        .route("/live", get(ws_handler))
        .route("/events", get(sse_handler))
        .with_state(live.clone())
        .route("/hello", get(async || "hello"));
    let listener = wavecast::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let mut tasks = JoinSet::new();
    let serving = live.clone();
    tasks.spawn(async move {
        let shutdown = async { stopped.await.expect("a signal") };
        serving.serve(listener, app, shutdown).await
    });

    assert_eq!(request(address, "GET", "/hello", None).await.body, "hello");
    let mut client = Client::connect(address, "/live").await;
    client.subscribe("news").await;
    let mut events = EventSource::open(address, "/events?channel=news").await;
    events.expect_subscribed(&["news"]).await;
    let published = live.publish("news", "last words").await.unwrap();
    assert_eq!(published.subscribers, 2);
    stop.send(()).expect("the application serves");

    // Nothing that was published is lost, and the client is told to reconnect.
    assert_eq!(client.next_event("news").await["value"], "last words");
    assert_eq!(client.next_json().await["channel"], "$system");
    assert_eq!(client.expect_close(1001).await, "shutdown");
    client.expect_end().await;
    drop((client, events));
    let left = within("the end", tasks.join_next()).await.expect("a task");
    assert_eq!(left.expect("no panic"), 0);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
