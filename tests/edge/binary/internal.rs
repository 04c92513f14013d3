//! A listener of its own for the API.

use std::net::SocketAddr;

use serde_json::json;

use super::support::{expect_problem, text};
use crate::support::{Binary, Client, exchange, request, run};

/// The address of the API, from the greeting.
pub fn internal(edge: &Binary) -> SocketAddr {
    let line = edge
        .greeting
        .lines()
        .find(|line| line.starts_with("  API "));
    let line = line.unwrap_or_else(|| panic!("no API in {}", edge.greeting));
    let (_, address) = line.split_once("http://").expect("an address");
    address.trim_end_matches('/').parse().expect("an address")
}

async fn status(address: SocketAddr, method: &str, path: &str) -> u16 {
    request(address, method, path, None).await.status
}

#[tokio::test]
async fn the_api_moves_to_the_internal_listener() {
    let edge = Binary::start(&["--internal-listen", "127.0.0.1:0"]).await;
    let (public, internal) = (edge.address, internal(&edge));
    for path in [
        "/api/stats",
        "/api/channels",
        "/api/connections",
        "/api/users",
        "/",
    ] {
        assert_eq!(status(internal, "GET", path).await, 200, "{path}");
        let answer = request(public, "GET", path, None).await;
        answer.expect_problem(404, "not_found");
    }
    for path in ["/health", "/healthz", "/readyz", "/wavecast.js"] {
        assert_eq!(status(public, "GET", path).await, 200, "{path}");
        assert_eq!(status(internal, "GET", path).await, 200, "{path}");
    }
    let event = json!({"channel": "news", "data": {"message": "moved"}});
    for path in ["/api/events", "/api/events/batch", "/api/events/stream"] {
        let answer = request(public, "POST", path, Some(&event)).await;
        answer.expect_problem(404, "not_found");
    }
    let mut client = Client::connect(public, "/ws").await;
    client.subscribe("news").await;
    let published = request(internal, "POST", "/api/events", Some(&event)).await;
    assert_eq!(published.json()["subscribers"], 1);
    client.expect_event("news", "moved").await;
    assert!(
        edge.greeting
            .contains(&format!("http://{internal}/api/events"))
    );
}

#[tokio::test]
async fn the_internal_listener_asks_for_a_key_as_the_public_one_would() {
    let edge = Binary::start(&["--internal-listen", "127.0.0.1:0"]).await;
    let forwarded = "GET /api/stats HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.7\r\n\
                     Connection: close\r\n\r\n";
    let answer = exchange(internal(&edge), forwarded.as_bytes()).await;
    answer.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_internal_address_that_is_taken_or_invalid_is_an_error() {
    let edge = Binary::start(&[]).await;
    let taken = edge.address.to_string();
    let output = run(&["--listen", "127.0.0.1:0", "--internal-listen", &taken]).await;
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.starts_with(&format!("error: cannot listen on {taken}: ")),
        "{error}"
    );
    assert!(
        error.ends_with("; take another port with --internal-listen\n"),
        "{error}"
    );
    let problem = "--internal-listen: \"nope\" is not an address to listen on; write 127.0.0.1:3000, 3000, :3000 or localhost:3000";
    expect_problem(&["--internal-listen", "nope"], problem).await;
}
