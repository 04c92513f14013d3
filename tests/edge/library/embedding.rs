//! The library in an application: the hub without sockets, its own router, its own streams.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::io::duplex;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;
use wavecast::protocol::Json;
use wavecast::transport::websocket::Stream;
use wavecast::{
    JoinRoomError, LeaveRoomError, NameError, PublishError, ServerMessage, WebSocketServer,
    ws_handler,
};

use crate::support::{Client, TestServer, config, eventually, request, within};

fn said(content: &Json) -> ServerMessage<'_> {
    ServerMessage::Message {
        room: "general",
        from: "the application",
        content,
    }
}

#[tokio::test]
async fn rooms_work_without_a_socket() {
    let server = WebSocketServer::new(config(|config| config.max_clients_per_room = 2));
    let [first, second, third] = [1, 2, 3].map(Uuid::from_u128);
    assert_eq!(server.join_room("general", first).await, Ok(1));
    assert_eq!(server.join_room("general", second).await, Ok(2));
    assert_eq!(server.join_room("general", second).await, Ok(2));
    let full = JoinRoomError::RoomFull;
    assert_eq!(server.join_room("general", third).await, Err(full));
    assert!(server.client(third).is_none(), "nobody known was left over");
    assert_eq!(full.to_string(), "the room is full");
    assert_eq!(full.code().message(), "Room full");
    let room = server.room("general").expect("the room");
    assert_eq!((room.name(), room.members()), ("general", 2));

    assert_eq!(server.leave_room("general", first).await, Ok(()));
    let not_in_room = Err(LeaveRoomError::NotInRoom);
    assert_eq!(server.leave_room("general", first).await, not_in_room);
    assert_eq!(
        server.leave_room("general", Uuid::from_u128(9)).await,
        not_in_room
    );
    assert_eq!(
        server.join_room("", first).await,
        Err(JoinRoomError::InvalidRoom(NameError::Empty))
    );
    assert_eq!(room.members(), 1);
    assert_eq!(server.cleanup_client(second).await, Ok(()));
    assert!(server.room("general").is_none());
    assert!(server.client(second).is_none());
    // Whoever is not known is no error.
    assert_eq!(server.cleanup_client(second).await, Ok(()));
}

#[tokio::test]
async fn members_without_a_socket_are_announced_like_others() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.join("general", 1).await;
    let id = Uuid::from_u128(7);
    assert_eq!(server.server.join_room("general", id).await, Ok(2));
    client
        .expect_text(&format!(
            r#"{{"type":"user_joined","room":"general","user_id":"{id}"}}"#
        ))
        .await;
    server.server.cleanup_client(id).await.unwrap();
    client
        .expect_text(&format!(
            r#"{{"type":"user_left","room":"general","user_id":"{id}"}}"#
        ))
        .await;
    client.expect_silence().await;
    // Nor are they connections.
    assert_eq!(server.server.join_room("general", id).await, Ok(2));
    assert_eq!(server.get("/api/connections").await["total"], 1);
    assert_eq!(server.get("/api/stats").await["active_connections"], 1);
}

#[tokio::test]
async fn an_application_broadcasts_to_a_room_and_leaves_one_out() {
    let server = TestServer::start_default().await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.join("general", 1).await;
    second.join("general", 2).await;
    first.next_text().await;
    let content = Json::from("hello");
    let text = r#"{"type":"message","room":"general","from":"the application","content":"hello"}"#;
    let edge = &server.server;
    assert_eq!(
        edge.broadcast_to_room("general", said(&content), None)
            .await,
        Ok(2)
    );
    first.expect_text(text).await;
    second.expect_text(text).await;
    let left_out = server.id_of(&first).await;
    assert_eq!(
        edge.broadcast_to_room("general", said(&content), Some(left_out))
            .await,
        Ok(1)
    );
    second.expect_text(text).await;
    first.expect_silence().await;
    assert_eq!(
        edge.broadcast_to_room("nowhere", said(&content), None)
            .await,
        Ok(0)
    );
    assert_eq!(
        edge.room("general")
            .unwrap()
            .broadcast(said(&content))
            .await,
        Ok(2)
    );
    first.expect_text(text).await;
    second.expect_text(text).await;
}

#[tokio::test]
async fn leaving_out_somebody_who_is_no_member_leaves_out_nobody() {
    let server = TestServer::start_default().await;
    let (mut member, stranger) = (server.connect().await, server.connect().await);
    member.join("general", 1).await;
    let id = server.id_of(&stranger).await;
    let content = Json::from("hello");
    let sent = server
        .server
        .broadcast_to_room("general", said(&content), Some(id))
        .await;
    member.next_text().await;
    assert_eq!(sent, Ok(1));
}

#[tokio::test]
async fn a_handle_sends_to_one_client_and_closes_it() {
    let server = TestServer::start_default().await;
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    client.join("general", 1).await;
    client.subscribe("news").await;
    let id = server.id_of(&client).await;
    let handle = server.server.client(id).expect("the client");
    assert_eq!((handle.id(), handle.user()), (id, None));
    assert_eq!(handle.rooms(), ["general".into()]);
    assert_eq!(handle.channels(), ["news".into()]);
    let content = Json::encode(&[1, 2]).unwrap();
    handle.send(said(&content)).await.unwrap();
    client
        .expect_text(
            r#"{"type":"message","room":"general","from":"the application","content":[1,2]}"#,
        )
        .await;
    handle.close("maintenance").await.unwrap();
    assert_eq!(client.expect_close(4000).await, "maintenance");
    client.expect_end().await;
    other.expect_silence().await;
}

#[tokio::test]
async fn an_application_publishes_and_cleans_up() {
    let server = TestServer::start_default().await;
    let (mut witness, mut client) = (server.connect().await, server.connect().await);
    witness.join("general", 1).await;
    client.join("general", 2).await;
    client.subscribe("news").await;
    let published = server
        .server
        .publish("news", &["one", "two"])
        .await
        .unwrap();
    assert_eq!(published.subscribers, 1);
    let event = client.next_json().await;
    assert_eq!(event["data"]["id"], published.id.as_str());
    assert_eq!(event["data"]["value"][1], "two");
    let refused = server.server.publish("", &1).await;
    let invalid = PublishError::InvalidChannel {
        channel: "".into(),
        source: NameError::Empty,
    };
    assert_eq!(refused, Err(invalid));

    let id = server.id_of(&client).await;
    server.server.cleanup_client(id).await.unwrap();
    client.expect_close(4000).await;
    client.expect_end().await;
    witness.next_text().await;
    witness
        .expect_text(&format!(
            r#"{{"type":"user_left","room":"general","user_id":"{id}"}}"#
        ))
        .await;
    drop(client);
    eventually("the socket's end", async || {
        server.server.node().links() == 1
    })
    .await;
    witness.expect_silence().await;
}

#[tokio::test]
async fn an_application_mounts_the_edge_in_its_own_router() {
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
    // The shards write the sockets themselves: nothing but a plain socket knows its peer.
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
    eventually("both to be gone", async || server.node().links() == 0).await;
}

#[tokio::test]
async fn an_application_hands_over_any_stream() {
    let server = Arc::new(WebSocketServer::new(config(|_| {})));
    let mut tasks = JoinSet::new();
    let mut connect = |stream: Stream| {
        let server = server.clone();
        tasks.spawn(async move { server.handle_connection(stream).await });
    };
    // One in memory, behind a buffer that a message does not fit in, and a plain socket.
    let (near, far) = duplex(64);
    connect(Stream::other(far));
    let mut in_memory = Client::over(near);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut plain = Client::dial(listener.local_addr().unwrap()).await;
    let (accepted, _): (TcpStream, _) = listener.accept().await.unwrap();
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
    within("the end of both tasks", async {
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    })
    .await;
    assert_eq!(server.node().links(), 0);
}
