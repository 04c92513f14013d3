//! Without an API key, the API answers only programs on this machine.

use crate::support::{Binary, ConfigFile, Response, exchange};

const EVENT: &str = r#"{"channel":"news","data":1}"#;

/// The responses of the short way to publish and of the router, to a request with these header lines.
async fn answers(edge: &Binary, headers: &str) -> [Response; 2] {
    let length = EVENT.len();
    let publish = format!(
        "POST /api/events HTTP/1.1\r\n{headers}Connection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{EVENT}"
    );
    let read = format!("GET /api/stats HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    let address = edge.address;
    [
        exchange(address, publish.as_bytes()).await,
        exchange(address, read.as_bytes()).await,
    ]
}

async fn expect_open(edge: &Binary, headers: &str) {
    for answer in answers(edge, headers).await {
        assert_eq!(answer.status, 200, "{headers}: {}", answer.body);
    }
}

async fn expect_refused(edge: &Binary, headers: &str, why: &str) {
    for answer in answers(edge, headers).await {
        let detail = answer.expect_problem(401, "unauthenticated");
        assert!(detail.contains("`wavecast key new`"), "{detail}");
        assert!(detail.contains(why), "{headers}: {detail}");
        assert!(answer.header("www-authenticate").is_some());
    }
}

#[tokio::test]
async fn a_program_on_this_machine_needs_no_key() {
    let edge = Binary::start(&[]).await;
    let port = edge.address.port();
    for host in ["localhost", "127.0.0.1", "[::1]", "app.localhost"] {
        expect_open(&edge, &format!("Host: {host}:{port}\r\n")).await;
    }
    let page = format!("Host: localhost\r\nOrigin: http://localhost:{port}\r\n");
    expect_open(&edge, &page).await;
}

#[tokio::test]
async fn what_a_proxy_on_this_machine_forwards_needs_a_key() {
    let edge = Binary::start(&[]).await;
    for line in [
        "X-Forwarded-For: 203.0.113.7",
        "X-Forwarded-Proto: https",
        "X-Real-IP: 203.0.113.7",
        "Forwarded: for=203.0.113.7",
        "Via: 1.1 proxy",
        // It may be there without saying anything.
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-For:",
    ] {
        let headers = format!("Host: localhost\r\n{line}\r\n");
        expect_refused(&edge, &headers, "a proxy has forwarded").await;
    }
}

/// DNS rebinding: a stranger's name that points to this machine by now.
#[tokio::test]
async fn a_page_whose_name_was_made_to_point_here_is_refused() {
    let edge = Binary::start(&[]).await;
    for host in [
        "rebound.example",
        "rebound.example:3000",
        "localhost.rebound.example",
    ] {
        let headers = format!("Host: {host}\r\nOrigin: http://{host}\r\n");
        expect_refused(&edge, &headers, "Host").await;
        expect_refused(&edge, &format!("Host: {host}\r\n"), "Host").await;
    }
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
    ] {
        let headers = format!("Host: localhost\r\nOrigin: {origin}\r\n");
        expect_refused(&edge, &headers, "Origin").await;
    }
    // The health checks and what clients need are open.
    for path in ["/health", "/healthz", "/readyz", "/wavecast.js"] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: rebound.example\r\nX-Forwarded-For: 203.0.113.7\r\n\
             Connection: close\r\n\r\n"
        );
        let answer = exchange(edge.address, request.as_bytes()).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[tokio::test]
async fn an_origin_that_cors_allows_may_call_from_a_browser_on_this_machine() {
    let edge = Binary::start(&["--cors-origin", "https://app.example"]).await;
    let from = |origin| format!("Host: localhost\r\nOrigin: {origin}\r\n");
    expect_open(&edge, &from("https://app.example")).await;
    expect_refused(&edge, &from("https://other.example"), "Origin").await;
    let rebound = "Host: rebound.example\r\nOrigin: https://app.example\r\n";
    expect_refused(&edge, rebound, "Host").await;
    let edge = Binary::start(&["--cors-origin", "*"]).await;
    expect_open(&edge, &from("https://other.example")).await;
    expect_refused(&edge, rebound, "Host").await;
}

#[tokio::test]
async fn dev_opens_the_api_unless_there_is_a_key() {
    let edge = Binary::start(&["--dev"]).await;
    let headers = "Host: any.example\r\nX-Forwarded-For: 203.0.113.7\r\nOrigin: null\r\n";
    expect_open(&edge, headers).await;
    let hash = "0".repeat(64);
    let file = ConfigFile::new(&format!(
        "[[api_keys]]\nid = \"ops\"\nsha256 = \"{hash}\"\nscopes = [\"admin\"]\n"
    ));
    let edge = Binary::start(&["--dev", "--config", file.path()]).await;
    for answer in answers(&edge, "Host: localhost\r\n").await {
        answer.expect_problem(401, "unauthenticated");
    }
}
