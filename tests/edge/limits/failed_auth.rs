//! Tokens and keys of one address that are refused.

use std::time::{Instant, SystemTime};

use wavecast::auth::{ApiKey, ApiKeys, KeyId, NewKey, Scopes};
use wavecast::http::ApiAccess;

use super::{at_once, behind_proxies, forwarded_for, handshake, limited};
use crate::support::{
    Binary, ConfigFile, Response, TestServer, config, exchange, read_head, within,
};

/// An edge that takes tokens, and that believes its peers where their requests come from.
async fn edge(limits: &str) -> (Binary, ConfigFile) {
    let text = format!("[network]\ntrusted_proxies = [\"127.0.0.1\"]\n[limits]\n{limits}\n");
    crate::tokens::issuer::start_keeping(&text).await
}

async fn refused(edge: &Binary, from: &str, lines: &str) -> Response {
    let lines = format!("{}\r\n{lines}", forwarded_for(from));
    exchange(edge.address, handshake("/ws", &lines).as_bytes()).await
}

const BAD: &str = "Authorization: Bearer e30.e30.e30";

#[tokio::test]
async fn after_too_many_bad_tokens_none_from_there_is_looked_at() {
    let (edge, _file) = edge("failed_auth_per_address = \"3/h\"").await;
    let good = crate::tokens::issuer::token(serde_json::json!({"sub": "ada"}));
    for _ in 0..3 {
        refused(&edge, "203.0.113.1", BAD)
            .await
            .expect_problem(401, "invalid_token");
    }
    for line in [BAD.to_owned(), format!("Authorization: Bearer {good}")] {
        let refused = refused(&edge, "203.0.113.1", &line).await;
        refused.expect_problem(429, "rate_limited");
        assert!(refused.header("retry-after").is_some());
        assert_eq!(refused.header("www-authenticate"), None);
    }
    // A token that a browser brings is not looked at either.
    let protocol = "Sec-WebSocket-Protocol: wavecast, wavecast.token.e30.e30.e30";
    refused(&edge, "203.0.113.1", protocol)
        .await
        .expect_problem(429, "rate_limited");
    // Other addresses do not notice.
    refused(&edge, "203.0.113.2", BAD)
        .await
        .expect_problem(401, "invalid_token");
    let stats = edge.http("GET", "/api/stats", None).await.json();
    assert_eq!(stats["limited"]["failed_auth_per_address"], 3);
}

/// A token that is sent as the first message.
async fn first_message(edge: &Binary, token: &str) -> (String, u16) {
    let mut client = crate::support::Client::dial(edge.address).await;
    let request = handshake("/ws", &forwarded_for("203.0.113.1")).replace(", close", "");
    client.send(request.as_bytes()).await;
    let head = within("an answer", read_head(client.stream())).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    client
        .send_text(&format!(r#"{{"type":"auth","token":"{token}"}}"#))
        .await;
    let code = client.next_json().await["code"]
        .as_str()
        .unwrap()
        .to_owned();
    (code, client.next_frame().await.close().0)
}

#[tokio::test]
async fn tokens_in_first_messages_count_and_expired_ones_do_not() {
    let (edge, _file) = edge("failed_auth_per_address = \"2/h\"").await;
    let expired = serde_json::json!({"sub": "ada", "exp": 1_000_000_000});
    let expired = crate::tokens::issuer::token(expired);
    for _ in 0..5 {
        assert_eq!(
            first_message(&edge, &expired).await,
            ("token_expired".to_owned(), 4003)
        );
    }
    for _ in 0..2 {
        assert_eq!(
            first_message(&edge, "e30.e30.e30").await,
            ("invalid_token".to_owned(), 4501)
        );
    }
    assert_eq!(
        first_message(&edge, "e30.e30.e30").await,
        ("rate_limited".to_owned(), 4002)
    );
    assert_eq!(
        first_message(&edge, &expired).await,
        ("rate_limited".to_owned(), 4002)
    );
}

#[tokio::test]
async fn after_too_many_bad_api_keys_none_from_there_is_looked_at() {
    let id = KeyId::parse("shop").unwrap();
    let new = NewKey::generate(&id).unwrap();
    let mut scopes = Scopes::default();
    scopes.add("admin").unwrap();
    let key = ApiKey {
        id,
        hash: new.hash().clone(),
        scopes,
        rate: None,
        expires: None::<SystemTime>,
    };
    let keys = ApiKeys::new([key], Instant::now());
    let config = config(|config| config.limits.failed_auth_per_address = at_once(2));
    let server = TestServer::start_for_with(config, ApiAccess::Keys(keys), behind_proxies()).await;
    let get = async |from: &str, key: &str| {
        let request = format!(
            "GET /api/rooms HTTP/1.1\r\nHost: localhost\r\n{}\r\n{key}Connection: close\r\n\r\n",
            forwarded_for(from)
        );
        exchange(server.address, request.as_bytes()).await
    };
    let publish = async |from: &str, key: &str| {
        let request = format!(
            "POST /api/events HTTP/1.1\r\nHost: localhost\r\n{}\r\n{key}Content-Length: 0\r\nConnection: close\r\n\r\n",
            forwarded_for(from)
        );
        exchange(server.address, request.as_bytes()).await
    };
    let (bad, good) = (
        "Authorization: Bearer wck_shop_no\r\n",
        format!("Authorization: Bearer {}\r\n", new.reveal()),
    );
    // One without a key was not refused because of it.
    for _ in 0..5 {
        get("203.0.113.1", "")
            .await
            .expect_problem(401, "unauthenticated");
    }
    get("203.0.113.1", bad)
        .await
        .expect_problem(401, "unauthenticated");
    publish("203.0.113.1", bad)
        .await
        .expect_problem(401, "unauthenticated");
    get("203.0.113.1", bad)
        .await
        .expect_problem(429, "rate_limited");
    publish("203.0.113.1", &good)
        .await
        .expect_problem(429, "rate_limited");
    get("203.0.113.1", "")
        .await
        .expect_problem(401, "unauthenticated");
    assert_eq!(get("203.0.113.2", &good).await.status, 200);
    assert_eq!(limited(&server.server, "failed_auth_per_address"), 2);
}
