//! The functions that an application calls, with and without sockets.

use uuid::Uuid;
use wavecast::{
    JoinRoomError, Json, LeaveRoomError, NameError, PublishError, ServerMessage, WebSocketServer,
};

use crate::support::{InTime as _, TestServer, config, eventually};

/// A room message from the application.
fn message(content: &Json) -> ServerMessage<'_> {
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
    assert_eq!(server.join_room("general", first).in_time().await, Ok(1));
    assert_eq!(server.join_room("general", second).in_time().await, Ok(2));
    assert_eq!(server.join_room("general", second).in_time().await, Ok(2));
    let full = JoinRoomError::RoomFull;
    assert_eq!(
        server.join_room("general", third).in_time().await,
        Err(full)
    );
    assert!(
        server.client(third).is_none(),
        "a refused client is not kept"
    );
    assert_eq!(full.to_string(), "the room is full");
    assert_eq!(full.code().message(), "Room full");
    let room = server.room("general").expect("the room");
    assert_eq!((room.name(), room.members()), ("general", 2));

    assert_eq!(server.leave_room("general", first).in_time().await, Ok(()));
    let not_in_room = Err(LeaveRoomError::NotInRoom);
    assert_eq!(
        server.leave_room("general", first).in_time().await,
        not_in_room
    );
    assert_eq!(
        server
            .leave_room("general", Uuid::from_u128(9))
            .in_time()
            .await,
        not_in_room
    );
    assert_eq!(
        server.join_room("", first).in_time().await,
        Err(JoinRoomError::InvalidRoom(NameError::Empty))
    );
    assert_eq!(room.members(), 1);
    assert_eq!(server.cleanup_client(second).in_time().await, Ok(()));
    assert!(server.room("general").is_none());
    assert!(server.client(second).is_none());
    // It is not an error to clean up an unknown client.
    assert_eq!(server.cleanup_client(second).in_time().await, Ok(()));
}

#[tokio::test]
async fn members_without_a_socket_are_announced_like_all_others() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.join("general", 1).await;
    let id = Uuid::from_u128(7);
    assert_eq!(
        server.server.join_room("general", id).in_time().await,
        Ok(2)
    );
    client
        .expect_text(&format!(
            r#"{{"type":"user_joined","room":"general","user_id":"{id}"}}"#
        ))
        .await;
    server.server.cleanup_client(id).in_time().await.unwrap();
    client
        .expect_text(&format!(
            r#"{{"type":"user_left","room":"general","user_id":"{id}"}}"#
        ))
        .await;
    client.expect_silence().await;
    // Such members are not connections.
    assert_eq!(
        server.server.join_room("general", id).in_time().await,
        Ok(2)
    );
    assert_eq!(server.get("/api/connections").await["total"], 1);
    assert_eq!(server.get("/api/stats").await["active_connections"], 1);
}

#[tokio::test]
async fn an_application_broadcasts_to_a_room_and_excludes_one_member() {
    let server = TestServer::start_default().await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.join("general", 1).await;
    second.join("general", 2).await;
    first.next_text().await;
    let content = Json::from("hello");
    let text = r#"{"type":"message","room":"general","from":"the application","content":"hello"}"#;
    let edge = &server.server;
    assert_eq!(
        edge.broadcast_to_room("general", message(&content), None)
            .in_time()
            .await,
        Ok(2)
    );
    first.expect_text(text).await;
    second.expect_text(text).await;
    let excluded = server.id_of(&first).await;
    assert_eq!(
        edge.broadcast_to_room("general", message(&content), Some(excluded))
            .in_time()
            .await,
        Ok(1)
    );
    second.expect_text(text).await;
    first.expect_silence().await;
    assert_eq!(
        edge.broadcast_to_room("nowhere", message(&content), None)
            .in_time()
            .await,
        Ok(0)
    );
    assert_eq!(
        edge.room("general")
            .unwrap()
            .broadcast(message(&content))
            .in_time()
            .await,
        Ok(2)
    );
    first.expect_text(text).await;
    second.expect_text(text).await;
}

#[tokio::test]
async fn excluding_a_client_that_is_not_a_member_excludes_nobody() {
    let server = TestServer::start_default().await;
    let (mut member, stranger) = (server.connect().await, server.connect().await);
    member.join("general", 1).await;
    let id = server.id_of(&stranger).await;
    let content = Json::from("hello");
    let sent = server
        .server
        .broadcast_to_room("general", message(&content), Some(id))
        .in_time()
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
    handle.send(message(&content)).in_time().await.unwrap();
    client
        .expect_text(
            r#"{"type":"message","room":"general","from":"the application","content":[1,2]}"#,
        )
        .await;
    handle.close("maintenance").in_time().await.unwrap();
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
        .in_time()
        .await
        .unwrap();
    assert_eq!(published.subscribers, 1);
    let event = client.next_json().await;
    assert_eq!(event["data"]["id"], published.id.as_str());
    assert_eq!(event["data"]["value"][1], "two");
    let refused = server.server.publish("", &1).in_time().await;
    let invalid = PublishError::InvalidChannel {
        channel: "".into(),
        source: NameError::Empty,
    };
    assert_eq!(refused, Err(invalid));

    let id = server.id_of(&client).await;
    server.server.cleanup_client(id).in_time().await.unwrap();
    client.expect_close(4000).await;
    client.expect_end().await;
    witness.next_text().await;
    witness
        .expect_text(&format!(
            r#"{{"type":"user_left","room":"general","user_id":"{id}"}}"#
        ))
        .await;
    drop(client);
    eventually("the socket's end", async || server.links() == 1).await;
    witness.expect_silence().await;
}
