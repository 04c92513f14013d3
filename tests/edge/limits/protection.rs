//! Headers that protect pages and problems in a browser.

use crate::support::{Binary, ConfigFile, Response, TestServer};

fn expect_protected(response: &Response, what: &str) {
    assert_eq!(
        response.header("x-content-type-options"),
        Some("nosniff"),
        "{what}"
    );
    assert_eq!(
        response.header("referrer-policy"),
        Some("no-referrer"),
        "{what}"
    );
    let policy = response
        .header("content-security-policy")
        .unwrap_or_default();
    assert!(
        policy.contains("frame-ancestors 'none'"),
        "{what}: {policy}"
    );
}

#[tokio::test]
async fn pages_and_problems_are_not_framed_sniffed_or_passed_on() {
    let server = TestServer::start_default().await;
    for path in [
        "/",
        "/page.css",
        "/nothing",
        "/ws",
        "/sse",
        "/api/rooms/none",
        "/api/nothing",
    ] {
        let response = server.http("GET", path, None).await;
        if path == "/page.css" && response.status == 404 {
            continue;
        }
        expect_protected(&response, path);
    }
    expect_protected(&server.http("DELETE", "/sse", None).await, "a wrong method");
    expect_protected(
        &server.http("POST", "/api/events", None).await,
        "a bad event",
    );
}

#[tokio::test]
async fn a_limit_is_a_problem_like_any_other() {
    let server = super::start(|limits| limits.handshakes_per_address = super::at_once(1)).await;
    super::refused_from(&server, "203.0.113.1", "/sse").await;
    let refused = super::refused_from(&server, "203.0.113.1", "/sse").await;
    refused.expect_problem(429, "rate_limited");
    expect_protected(&refused, "429");
    assert_eq!(refused.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn no_answer_of_the_api_is_kept() {
    let file = ConfigFile::new("[history]\nmessages = 10\n");
    let edge = Binary::start(&["--config", file.path()]).await;
    let event = serde_json::json!({"channel": "a", "data": {}});
    let published = edge.http("POST", "/api/events", Some(&event)).await;
    assert_eq!(published.header("cache-control"), Some("no-store"));
    for path in [
        "/api/stats",
        "/api/connections",
        "/api/channels",
        "/api/channels/a/history",
        "/api/rooms",
        "/api/users",
        "/api/users/nobody",
        "/api/revocations",
        "/api/nothing",
        "/api/connections/nothing",
    ] {
        let response = edge.http("GET", path, None).await;
        assert_eq!(response.header("cache-control"), Some("no-store"), "{path}");
    }
    let client = edge.connect().await;
    let list = edge.http("GET", "/api/connections", None).await.json();
    let id = list["connections"][0]["id"].as_str().unwrap().to_owned();
    let shown = edge
        .http("GET", &format!("/api/connections/{id}"), None)
        .await;
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    drop(client);
    let revocation = serde_json::json!({"user": "ada"});
    let made = edge
        .http("POST", "/api/revocations", Some(&revocation))
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let closed = edge.http("DELETE", "/api/users/ada", None).await;
    assert_eq!(closed.status, 200, "{}", closed.body);
    assert_eq!(closed.header("cache-control"), Some("no-store"));
}
