//! Which web pages may connect to the binary.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;

use super::support::{expect_ok, expect_problem};
use crate::support::{Binary, ConfigFile, HANDSHAKE, Response, dial, exchange, read_head};

/// The status of a WebSocket handshake and of a request for an event stream with these headers.
async fn statuses(address: SocketAddr, headers: &str) -> [u16; 2] {
    let upgrade = HANDSHAKE.replacen("Host: localhost\r\n", headers, 1);
    let stream = format!("GET /sse?channel=a HTTP/1.1\r\n{headers}\r\n");
    let mut statuses = [0; 2];
    for (status, request) in statuses.iter_mut().zip([upgrade, stream]) {
        *status = head_status(address, &request).await;
    }
    statuses
}

/// The status of the response, whose body may never end.
async fn head_status(address: SocketAddr, request: &str) -> u16 {
    let mut socket = dial(address).await;
    socket.write_all(request.as_bytes()).await.expect("write");
    let head = read_head(&mut socket).await;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    status.unwrap_or_else(|| panic!("no status in {head:?}"))
}

async fn expect_allowed(edge: &Binary, host: &str, origin: &str) {
    let headers = format!("Host: {host}\r\nOrigin: {origin}\r\n");
    let statuses = statuses(edge.address, &headers).await;
    assert_eq!(statuses, [101, 200], "{host} {origin}");
}

async fn expect_refused(edge: &Binary, host: &str, origin: &str) {
    let headers = format!("Host: {host}\r\nOrigin: {origin}\r\n");
    let statuses = statuses(edge.address, &headers).await;
    assert_eq!(statuses, [403, 403], "{host} {origin}");
}

#[tokio::test]
async fn only_pages_of_the_own_host_and_listed_ones_may_connect() {
    let file = ConfigFile::new(
        "[network]\norigins = [\"https://App.example\", \"https://*.app.example\"]\n\
         [anonymous]\nchannels = [\"*\"]\n",
    );
    let edge = Binary::start(&["--config", file.path()]).await;
    assert_eq!(
        statuses(edge.address, "Host: edge.example\r\n").await,
        [101, 200]
    );
    for (host, origin) in [
        ("edge.example", "https://edge.example"),
        ("EDGE.example", "https://edge.EXAMPLE"),
        ("edge.example:3000", "http://edge.example:3000"),
        ("edge.example", "https://app.example"),
        ("edge.example", "HTTPS://APP.example:443"),
        ("edge.example", "https://a.b.app.example"),
    ] {
        expect_allowed(&edge, host, origin).await;
    }
    for (host, origin) in [
        ("edge.example", "https://app.example.evil"),
        ("edge.example", "https://evilapp.example"),
        ("edge.example", "http://app.example"),
        ("edge.example", "https://app.example:8443"),
        ("edge.example", "null"),
        ("edge.example", "https://edge.example.evil"),
        ("edge.example", "https://edge.example:8443"),
        ("edge.example:3000", "http://edge.example"),
        ("edge.example", "http://localhost"),
    ] {
        expect_refused(&edge, host, origin).await;
    }
    for (flags, allowed, refused) in [
        (&["--origin", "*"][..], "https://other.example", "null"),
        (
            &["--origin", "null", "--origin", "https://b.example"],
            "null",
            "https://other.example",
        ),
    ] {
        let edge = Binary::start(flags).await;
        expect_allowed(&edge, "localhost", allowed).await;
        expect_refused(&edge, "localhost", refused).await;
    }
}

#[tokio::test]
async fn on_an_open_edge_a_page_needs_a_host_that_it_cannot_choose() {
    let edge = Binary::start(&["--origin", "https://app.example"]).await;
    assert_eq!(
        statuses(edge.address, "Host: evil.example\r\n").await,
        [101, 200]
    );
    expect_allowed(&edge, "localhost:3000", "http://localhost:3000").await;
    expect_allowed(&edge, "127.0.0.1", "https://app.example").await;
    expect_refused(&edge, "evil.example", "http://evil.example").await;
    expect_refused(&edge, "edge.example", "https://app.example").await;
    expect_refused(&edge, "192.0.2.1", "http://192.0.2.1").await;
    expect_refused(&edge, "localhost:3000", "http://localhost:5173").await;
}

#[tokio::test]
async fn in_development_pages_of_this_machine_may_connect_from_any_port() {
    let edge = Binary::start(&["--dev"]).await;
    expect_allowed(&edge, "localhost:3000", "http://localhost:5173").await;
    expect_allowed(&edge, "127.0.0.1:3000", "http://[::1]:8080").await;
    expect_allowed(&edge, "192.0.2.1:3000", "http://192.0.2.1:3000").await;
    expect_refused(&edge, "localhost:3000", "https://app.example").await;
    expect_refused(&edge, "evil.example", "http://evil.example").await;
    expect_refused(&edge, "evil.example", "http://localhost:5173").await;
}

/// The problem in the response to a request.
async fn problem(edge: &Binary, request: &str) -> Response {
    exchange(edge.address, request.as_bytes()).await
}

#[tokio::test]
async fn the_origin_is_looked_at_before_everything_else() {
    let edge = Binary::start(&[]).await;
    let evil = "Host: localhost\r\nConnection: close\r\nOrigin: http://evil.example\r\n";
    for request in [
        format!("GET /ws HTTP/1.1\r\n{evil}\r\n"),
        format!("POST /ws HTTP/1.1\r\n{evil}Content-Length: 0\r\n\r\n"),
        format!("GET /sse HTTP/1.1\r\n{evil}\r\n"),
        format!("DELETE /sse HTTP/1.1\r\n{evil}\r\n"),
        format!("GET /sse?channel=a&user=%FF HTTP/1.1\r\n{evil}Accept: text/event-stream\r\n\r\n"),
    ] {
        let response = problem(&edge, &request).await;
        response.expect_problem(403, "origin_not_allowed");
    }
    let twice = "Host: localhost\r\nConnection: close\r\nOrigin: http://localhost\r\nOrigin: http://localhost\r\n";
    for path in ["/ws", "/sse?channel=a"] {
        let request = format!("GET {path} HTTP/1.1\r\n{twice}\r\n");
        let response = problem(&edge, &request).await;
        response.expect_problem(400, "invalid_origin");
    }
    // Other paths are not checked here.
    let request = format!("GET /healthz HTTP/1.1\r\n{evil}\r\n");
    assert_eq!(problem(&edge, &request).await.status, 200);
}

#[tokio::test]
async fn origins_in_the_configuration_are_checked() {
    expect_ok(
        &[
            "--origin",
            "https://*.app.example,null , HTTP://b.example:8080",
        ],
        &[("WAVECAST_ORIGIN", "*")],
    )
    .await;
    for wrong in ["app.example", "https://*app.example", "https://a.example/"] {
        let problem = format!(
            "--origin: {wrong:?} is not a web origin; write it as https://app.example, https://*.app.example, * or null"
        );
        expect_problem(&["--origin", wrong], &problem).await;
    }
}

#[tokio::test]
async fn problems_and_answers_of_the_api_say_what_browsers_may_do_with_them() {
    let edge = Binary::start(&[]).await;
    let close = "Host: localhost\r\nConnection: close\r\n";
    for request in [
        format!("GET /nothing HTTP/1.1\r\n{close}\r\n"),
        format!("GET /ws HTTP/1.1\r\n{close}\r\n"),
        format!("GET /ws HTTP/1.1\r\n{close}Origin: null\r\n\r\n"),
        format!("GET /sse HTTP/1.1\r\n{close}\r\n"),
        format!("POST /api/events HTTP/1.1\r\n{close}Content-Length: 0\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let response = problem(&edge, &request).await;
        assert!(response.status >= 400, "{request}");
        for (name, value) in [
            ("content-type", "application/problem+json"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(response.header(name), Some(value), "{request}{name}");
        }
    }
    let event = "{\"channel\":\"a\",\"data\":1}";
    let batch = format!("{{\"events\":[{event}]}}");
    let post = |path: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\n{close}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    for request in [
        post("/api/events", event),
        post("/api/events/batch", &batch),
        format!("GET /api/stats HTTP/1.1\r\n{close}\r\n"),
        format!("GET /api/channels HTTP/1.1\r\n{close}\r\n"),
        format!("GET /api/channels/a/history HTTP/1.1\r\n{close}\r\n"),
        format!("GET /api/connections HTTP/1.1\r\n{close}\r\n"),
    ] {
        let response = problem(&edge, &request).await;
        assert_eq!(response.status, 200, "{request} {}", response.body);
        assert_eq!(
            response.header("cache-control"),
            Some("no-store"),
            "{request}"
        );
    }
}
