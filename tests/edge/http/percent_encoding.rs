//! Bytes in paths and queries that are not text once they are decoded.

use serde_json::json;

use crate::support::{EventSource, TestServer, config, exchange, refusable_handshake};

#[tokio::test]
async fn bytes_that_are_not_text_are_problem_documents() {
    let server = TestServer::start(config(|config| config.trust_user_parameter = true)).await;
    for (method, path, code) in [
        ("GET", "/api/channels/%FF/history", "invalid_path"),
        ("GET", "/api/rooms/a%C3/history", "invalid_path"),
        ("GET", "/api/connections/%FF", "invalid_path"),
        ("DELETE", "/api/connections/%FE", "invalid_path"),
        ("GET", "/wavecast/%FF.js", "invalid_path"),
        ("GET", "/api/channels?after=%FF", "invalid_query"),
        ("GET", "/api/rooms?after=%FE", "invalid_query"),
        ("GET", "/api/connections?%FF=1", "invalid_query"),
        ("GET", "/api/channels/a/history?limit=%FF", "invalid_query"),
        (
            "DELETE",
            "/api/connections/00000000-0000-7000-8000-000000000000?reason=%FF",
            "invalid_query",
        ),
        (
            "DELETE",
            "/api/connections/00000000-0000-7000-8000-000000000000?raeson=a",
            "invalid_query",
        ),
        ("POST", "/api/events/stream?answers=%FF", "invalid_query"),
        ("GET", "/sse?channel=%FF", "invalid_query"),
        ("GET", "/sse?channel=a&user=%FF", "invalid_query"),
        ("GET", "/sse?channel=a&last_event_id=%C3", "invalid_query"),
    ] {
        let refused = server.http(method, path, None).await;
        let detail = refused.expect_problem(400, code);
        assert!(!detail.is_empty(), "{path}");
    }
    let handshake = refusable_handshake().replacen("/ws", "/ws?user=%FF", 1);
    let refused = exchange(server.address, handshake.as_bytes()).await;
    refused.expect_problem(400, "invalid_query");
}

#[tokio::test]
async fn names_of_any_text_can_be_encoded_and_a_percent_sign_may_stand_alone() {
    let server = TestServer::start_default().await;
    for (encoded, channel) in [
        ("b%C3%BCro", "büro"),
        ("%F0%9F%8D%B5", "🍵"),
        ("100%", "100%"),
    ] {
        let path = format!("/sse?channel={encoded}");
        let mut source = EventSource::open(server.address, &path).await;
        source.expect_subscribed(&[channel]).await;
        let event = json!({"channel": channel, "data": 1});
        let answer = server.post("/api/events", &event).await;
        assert_eq!(answer.json()["subscribers"], 1);
    }
}
