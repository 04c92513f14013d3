//! The handlers in the router of an application, and streams that it hands over.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::io::duplex;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use wavecast::transport::websocket::Stream;
use wavecast::{WebSocketServer, ws_handler};

use crate::support::{Client, InTime as _, config, eventually, join_all, request};

#[tokio::test]
async fn an_application_mounts_the_handlers_in_its_own_router() {
    let server = Arc::new(WebSocketServer::new(config(|_| {})));
    let app = Router::new()
        .route("/live", get(ws_handler))
        .with_state(server.clone())
        .route("/hello", get(async || "hello"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, app).await });

    assert_eq!(request(address, "GET", "/hello", None).await.body, "hello");
    let mut clients = [
        Client::connect(address, "/live").await,
        Client::connect(address, "/live").await,
    ];
    clients[0].join("general", 1).await;
    clients[1].join("general", 2).await;
    clients[0].next_text().await;
    clients[1].say("general", "hi").await;
    assert_eq!(clients[0].next_json().await["content"], "hi");
    // The shards write to the sockets directly: only a plain socket knows its peer.
    let known = server.node().hub().clients();
    let remotes: Vec<_> = known.iter().filter_map(|client| client.remote()).collect();
    assert!(
        clients
            .iter()
            .all(|client| remotes.contains(&client.local_addr())),
        "{remotes:?}"
    );
    let [first, second] = clients;
    first.hang_up().await;
    drop(second);
    eventually("the end of both connections", async || {
        server.node().links() == 0
    })
    .await;
}

#[tokio::test]
async fn an_application_hands_over_any_stream() {
    let server = Arc::new(WebSocketServer::new(config(|_| {})));
    let mut tasks = JoinSet::new();
    let mut connect = |stream: Stream| {
        let server = server.clone();
        tasks.spawn(async move { server.handle_connection(stream).await });
    };
    // A stream in memory, whose buffer is smaller than a message, and a plain socket.
    let (near, far) = duplex(64);
    connect(Stream::other(far));
    let mut in_memory = Client::over(near);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut plain = Client::dial(listener.local_addr().unwrap()).await;
    let (accepted, _): (TcpStream, _) = listener.accept().in_time().await.unwrap();
    connect(accepted.into());

    in_memory.join("general", 1).await;
    plain.join("general", 2).await;
    in_memory.next_text().await;
    let long = "x".repeat(10_000);
    plain.say("general", &long).await;
    assert_eq!(in_memory.next_json().await["content"], *long);
    in_memory.say("general", &long).await;
    assert_eq!(plain.next_json().await["content"], *long);
    in_memory.close().await;
    assert_eq!(plain.next_json().await["type"], "user_left");
    plain.close().await;
    join_all("the end of both connections", tasks).await;
    assert_eq!(server.node().links(), 0);
}
