//! Connections of one user.

use std::sync::Arc;

use serde_json::json;
use wavecast::hub::{ClientInfo, Link};
use wavecast::{ErrorCode, Identity, UserId};

use super::{limited, start};
use crate::support::{
    CLOSE, Client, EventSource, TestServer, eventually, exchange, upgrade_request,
};
use crate::tokens::desk::{self, as_subprotocol, dial_with, start_configured};

#[tokio::test]
async fn a_user_has_only_so_many_connections_until_one_of_them_ends() {
    let server = start(|limits| limits.connections_per_user = 2).await;
    let one = server.connect_as("ada").await;
    let stream = EventSource::open(server.address, "/sse?channel=a&user=ada").await;
    for path in ["/ws?user=ada", "/sse?channel=a&user=ada"] {
        let request = super::handshake(path, "X-Nothing: 1");
        let refused = exchange(server.address, request.as_bytes()).await;
        refused.expect_problem(429, "too_many_of_user");
        assert_eq!(refused.header("retry-after"), Some("1"), "{path}");
    }
    server.connect_as("bob").await.close().await;
    server.connect().await.close().await;
    drop(one);
    eventually("a place", async || server.links() < 2).await;
    server.connect_as("ada").await.close().await;
    drop(stream);
    assert_eq!(limited(&server.server, "connections_per_user"), 2);
}

fn limited_desk() -> wavecast::WebSocketConfig {
    crate::support::config(|config| config.limits.connections_per_user = 1)
}

/// Expects the error, and that the connection is closed for it.
async fn expect_too_many(client: &mut Client, id: Option<u32>) {
    let mut error = client.next_json().await;
    let error = error.as_object_mut().unwrap();
    assert_eq!(
        error.remove("code"),
        Some(json!("too_many_of_user")),
        "{error:?}"
    );
    assert_eq!(error.remove("id"), id.map(|id| json!(id)));
    assert_eq!(
        client.expect_close(4005).await,
        "too many connections of this user"
    );
}

#[tokio::test]
async fn a_browser_hears_why_its_connection_is_closed() {
    let server = start_configured(|_| {}, limited_desk()).await;
    let one = desk::connect_with(&server, "ada_a_-").await;
    let mut two = dial_with(&server, &as_subprotocol("ada_a_-")).await;
    let head = crate::support::read_head(two.stream()).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    expect_too_many(&mut two, None).await;
    let mut three = Client::dial(server.address).await;
    three.send(upgrade_request("/ws").as_bytes()).await;
    three.expect_upgrade().await;
    three
        .send_text(r#"{"type":"auth","token":"ada_a_-","id":3}"#)
        .await;
    expect_too_many(&mut three, Some(3)).await;
    let mut other = desk::connect_with(&server, "bob_a_-").await;
    other.subscribe("a").await;
    drop(one);
}

#[tokio::test]
async fn a_client_that_becomes_a_user_counts_from_then_on() {
    let welcome = |desk: &mut desk::Desk| desk.welcome_anybody();
    let server = start_configured(welcome, limited_desk()).await;
    let mut one = server.connect().await;
    let authenticated = r#"{"type":"authenticated","user":"ada"}"#;
    one.ask(r#"{"type":"auth","token":"ada_a_-"}"#, authenticated)
        .await;
    // The same user again is the same connection.
    one.ask(r#"{"type":"auth","token":"ada_a_-"}"#, authenticated)
        .await;
    let mut two = server.connect().await;
    two.send_text(r#"{"type":"auth","token":"ada_a_-","id":1}"#)
        .await;
    expect_too_many(&mut two, Some(1)).await;
    one.subscribe("a").await;
}

/// Brings its token in the header, where others may come between its admission and its upgrade; as a
/// subprotocol; or as the first message.
async fn attempt(server: &TestServer, n: usize) -> Client {
    if n % 4 == 2 {
        return dial_with(server, &as_subprotocol("ada_a_-")).await;
    }
    if n % 4 < 2 {
        return dial_with(server, "authorization: Bearer ada_a_-").await;
    }
    let mut client = Client::dial(server.address).await;
    client.send(upgrade_request("/ws").as_bytes()).await;
    let auth = crate::support::text_frame(r#"{"type":"auth","token":"ada_a_-"}"#);
    client.send(&auth).await;
    client
}

#[tokio::test]
async fn of_many_that_come_at_once_no_more_than_the_limit_stay() {
    let config = crate::support::config(|config| config.limits.connections_per_user = 3);
    let server = start_configured(|_| {}, config).await;
    for round in 0..20 {
        let mut clients = Vec::new();
        for n in 0..12 {
            clients.push(attempt(&server, n).await);
        }
        let mut stay = 0;
        for client in &mut clients {
            let head = crate::support::read_head(client.stream()).await;
            if head.starts_with("HTTP/1.1 429") {
                continue;
            }
            assert!(head.starts_with("HTTP/1.1 101"), "{head}");
            client
                .send_unless_closed(&crate::support::text_frame(r#"{"type":"ping"}"#))
                .await;
            loop {
                let frame = client.next_frame().await;
                if frame.first == CLOSE {
                    assert_eq!(frame.close().0, 4005);
                    break;
                }
                if frame.text().contains("pong") {
                    stay += 1;
                    break;
                }
            }
        }
        assert_eq!(stay, 3, "round {round}");
        assert_eq!(
            server.get("/api/users/ada").await["connections"]
                .as_array()
                .unwrap()
                .len(),
            3
        );
        drop(clients);
        eventually("the end of all", async || server.links() == 0).await;
    }
}

/// All of them are admitted before the first is connected.
#[tokio::test]
async fn the_last_word_is_under_the_lock_of_the_users_channel() {
    let config = crate::support::config(|config| config.limits.connections_per_user = 3);
    let server = TestServer::start(config).await;
    let node = server.server.node();
    let mut admitted = Vec::new();
    for _ in 0..10 {
        let identity = Identity::new(UserId::new("ada").expect("a user"));
        let info = ClientInfo {
            identity: Some(Arc::new(identity)),
            ..ClientInfo::default()
        };
        admitted.push(node.admit(info, None).await.expect("room"));
    }
    let mut codes = Vec::new();
    for admission in admitted {
        let link = Link::Pipe(Arc::default());
        let connected = node.connect_admitted(admission, link).await;
        codes.push(connected.err().map(|refusal| refusal.code));
    }
    assert_eq!(codes[..3], [None; 3]);
    assert_eq!(codes[3..], [Some(ErrorCode::TooManyOfUser); 7]);
}
