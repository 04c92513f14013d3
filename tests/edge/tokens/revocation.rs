//! Tokens that are revoked before they expire.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use wavecast::hub::{ClientInfo, Link, Pipe};
use wavecast::node::Revoked;
use wavecast::policy::{Identity, UserId};

use super::issuer::{connect, now, start, status, token};
use crate::support::{Binary, EventSource, TestServer};

async fn revoke(edge: &Binary, body: Value) -> Value {
    let made = edge.http("POST", "/api/revocations", Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()
}

#[tokio::test]
async fn a_revoked_user_is_closed_and_comes_back_only_with_a_newer_token() {
    let edge = start("").await;
    let old = token(json!({"sub": "ada", "iat": now() - 10, "channels": ["news"]}));
    let mut ada = connect(&edge, &old).await;
    ada.subscribe("news").await;
    let mut bob = connect(&edge, &token(json!({"sub": "bob", "channels": ["news"]}))).await;
    bob.subscribe("news").await;
    let header = format!("Authorization: Bearer {old}\r\n");
    let mut stream = EventSource::open_with(edge.address, "/sse?channel=news", &header).await;
    stream.expect_subscribed(&["news"]).await;

    let event = json!({"channel": "news", "data": {"message": "before"}});
    assert_eq!(
        edge.http("POST", "/api/events", Some(&event)).await.status,
        200
    );
    let made = revoke(&edge, json!({"user": "ada", "issued_before": now() - 5})).await;
    assert_eq!(made["closed"], 2, "{made}");
    // Behind what waits for them.
    ada.expect_event("news", "before").await;
    assert_eq!(ada.expect_close(4004).await, "token revoked");
    stream.next_event().await;
    stream.expect_close(4004).await;
    assert_eq!(status(&edge, &old).await, 401);
    let auth = json!({"type": "auth", "token": old});
    bob.send_text(&auth.to_string()).await;
    assert_eq!(bob.next_event("news").await["message"], "before");
    assert_eq!(bob.next_json().await["code"], "token_revoked");

    let newer = token(json!({"sub": "ada", "channels": ["news"]}));
    let mut ada = connect(&edge, &newer).await;
    ada.subscribe("news").await;
}

#[tokio::test]
async fn a_revoked_token_is_named_by_its_id() {
    let edge = start("").await;
    let named = |id: &str| token(json!({"sub": "ada", "jti": id}));
    let mut first = connect(&edge, &named("one")).await;
    let mut second = connect(&edge, &named("two")).await;
    for client in [&mut first, &mut second] {
        client.ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#).await;
    }
    let made = revoke(&edge, json!({"token_id": "one", "for": "1h"})).await;
    assert_eq!(made["closed"], 1, "{made}");
    first.expect_close(4004).await;
    second.ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#).await;
    assert_eq!(status(&edge, &named("one")).await, 401);
    assert_eq!(status(&edge, &named("two")).await, 101);

    let listed = edge.http("GET", "/api/revocations", None).await.json();
    let id = made["id"].as_str().unwrap();
    assert_eq!(listed["next"], Value::Null);
    assert_eq!(listed["revocations"][0]["id"], id);
    assert_eq!(listed["revocations"][0]["token_id"], "one");
    assert!(listed["revocations"][0]["until"].is_string());
    let path = format!("/api/revocations/{id}");
    assert_eq!(edge.http("DELETE", &path, None).await.status, 204);
    let again = edge.http("DELETE", &path, None).await;
    again.expect_problem(404, "not_found");
    assert_eq!(status(&edge, &named("one")).await, 101);
}

#[tokio::test]
async fn a_revocation_that_names_nothing_is_refused() {
    let edge = start("").await;
    for (body, code) in [
        (json!({}), "missing_field"),
        (json!({"token_id": "a", "user": "b"}), "invalid_command"),
        (json!({"token_id": ""}), "missing_field"),
        (json!({"token_id": "a".repeat(129)}), "missing_field"),
        (
            json!({"token_id": "a", "issued_before": 1}),
            "missing_field",
        ),
        (json!({"user": ""}), "invalid_user"),
        (json!({"user": 7}), "missing_field"),
        (json!({"user": "ada", "for": "soon"}), "missing_field"),
        (
            json!({"user": "ada", "for": "1000000000000y"}),
            "missing_field",
        ),
        (json!({"usr": "ada"}), "unknown_field"),
        (json!(7), "missing_field"),
    ] {
        let refused = edge.http("POST", "/api/revocations", Some(&body)).await;
        refused.expect_problem(400, code);
    }
    let listed = edge.http("GET", "/api/revocations", None).await.json();
    assert_eq!(listed["revocations"], json!([]));
    // A time that has no form is shown as the last that has one.
    revoke(&edge, json!({"user": "ada", "for": "10000y"})).await;
    let listed = edge.http("GET", "/api/revocations", None).await.json();
    assert_eq!(listed["revocations"][0]["until"], "9999-12-31T23:59:59Z");
}

/// A token is checked, then revoked, then its client is made known: whichever comes first, the client
/// does not stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_slips_through_a_revocation_at_the_same_time() {
    let server = TestServer::start_default().await;
    let node = server.server.node().clone();
    for round in 0..10_000 {
        let identity = Identity::new(UserId::new("ada").unwrap());
        let id = format!("token-{round}");
        let info = ClientInfo {
            identity: Some(Arc::new(identity.with_token_id(&id))),
            ..ClientInfo::default()
        };
        let pipe = Arc::<Pipe>::default();
        let mut connecting = JoinSet::new();
        connecting.spawn({
            let (node, link) = (node.clone(), Link::Pipe(pipe));
            async move { node.connect(info, None, link).await }
        });
        let until = SystemTime::now() + Duration::from_secs(60);
        let (_, closed) = node.revoke(&Revoked::Token(id), until).await.unwrap();
        let connected = connecting.join_next().await.unwrap().unwrap();
        assert!(closed <= 1);
        if let Ok(client) = connected {
            assert_eq!(client.close_code(), Some(4004), "round {round}");
            node.disconnect(&client).await.unwrap();
            node.release(&client, true).unwrap();
        } else {
            assert_eq!(closed, 0);
        }
    }
}
