//! The opening handshake (RFC 6455 §4.2.1): what is accepted, and what is refused.

use std::time::{Duration, Instant};

use wavecast::http::ServeOptions;

use crate::support::{
    Client, HANDSHAKE, Response, TestServer, close_frame, config, exchange, text_frame, within,
};

/// The handshake with one line replaced. It asks to close the connection, so that a refusal
/// can be read to its end.
fn handshake(line: &str, replacement: &str) -> String {
    assert!(HANDSHAKE.contains(line), "{line}");
    HANDSHAKE.replacen(line, replacement, 1).replacen(
        "Connection: Upgrade",
        "Connection: Upgrade, close",
        1,
    )
}

/// Sends a request and returns the answer.
async fn refused(server: &TestServer, request: &str) -> Response {
    println!("request: {request:.400}");
    exchange(server.address, request.as_bytes()).await
}

/// Sends a request and expects an upgraded connection.
async fn expect_accepted(server: &TestServer, request: &str) {
    println!("request: {request:.400}");
    let mut client = Client::dial(server.address).await;
    client.send(request.as_bytes()).await;
    client.expect_upgrade().await;
    client.expect_silence().await;
}

#[tokio::test]
async fn another_version_is_refused_with_the_supported_one() {
    let server = TestServer::start_default().await;
    for version in ["12", "8", "0", "", "13, 13", "013", "14"] {
        let line = format!("Sec-WebSocket-Version: {version}");
        let response = refused(&server, &handshake("Sec-WebSocket-Version: 13", &line)).await;
        response.expect_problem(426, "unsupported_websocket_version");
        assert_eq!(response.header("sec-websocket-version"), Some("13"));
        assert_eq!(response.header("upgrade"), Some("websocket"));
    }
    for missing_or_repeated in [
        "X: y",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13",
    ] {
        let request = handshake("Sec-WebSocket-Version: 13", missing_or_repeated);
        let response = refused(&server, &request).await;
        response.expect_problem(426, "unsupported_websocket_version");
        assert_eq!(response.header("sec-websocket-version"), Some("13"));
    }
}

#[tokio::test]
async fn the_key_must_be_sixteen_bytes_and_occur_once() {
    let server = TestServer::start_default().await;
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    for bad in [
        "X: y",
        "Sec-WebSocket-Key:",
        "Sec-WebSocket-Key: c2hvcnQ=",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=",
        "Sec-WebSocket-Key: !!!!IHNhbXBsZSBub25jZQ==",
        &format!("{key}\r\n{key}"),
    ] {
        let response = refused(&server, &handshake(key, bad)).await;
        response.expect_problem(400, "invalid_websocket_key");
    }
}

#[tokio::test]
async fn exactly_one_host_is_required() {
    let server = TestServer::start_default().await;
    for bad in ["X: y", "Host: a\r\nHost: b", "Host: a\r\nHost: a", "Host:"] {
        let response = refused(&server, &handshake("Host: localhost", bad)).await;
        response.expect_problem(400, "invalid_host");
    }
}

#[tokio::test]
async fn a_body_is_refused() {
    let server = TestServer::start_default().await;
    for body in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let request = handshake("Host: localhost", &format!("Host: localhost\r\n{body}"));
        let response = refused(&server, &request).await;
        response.expect_problem(400, "unexpected_body");
    }
    // Both together are used to smuggle requests past a proxy.
    let both = "Host: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked";
    let response = refused(&server, &handshake("Host: localhost", both)).await;
    assert_eq!(response.status, 400, "{}", response.head);
    // An empty body is allowed.
    expect_accepted(
        &server,
        &HANDSHAKE.replacen("Host: localhost", "Host: localhost\r\nContent-Length: 0", 1),
    )
    .await;
}

#[tokio::test]
async fn upgrade_and_connection_must_name_the_upgrade() {
    let server = TestServer::start_default().await;
    for bad in [
        "X: y",
        "Upgrade: h2c",
        "Upgrade: websockets",
        "Upgrade: web socket",
    ] {
        let response = refused(&server, &handshake("Upgrade: websocket", bad)).await;
        response.expect_problem(426, "upgrade_required");
        assert_eq!(response.header("upgrade"), Some("websocket"));
    }
    for bad in ["X: y", "Connection: close", "Connection: upgraded"] {
        let request = HANDSHAKE.replacen("Connection: Upgrade", bad, 1);
        let request = request.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
        let response = refused(&server, &request).await;
        response.expect_problem(426, "connection_upgrade_required");
    }
}

#[tokio::test]
async fn tokens_match_in_any_letter_case_and_anywhere_in_a_list() {
    let server = TestServer::start_default().await;
    for (line, good) in [
        ("Upgrade: websocket", "UPGRADE: WebSocket"),
        ("Upgrade: websocket", "Upgrade: h2c, websocket"),
        ("Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket"),
        ("Connection: Upgrade", "connection: UPGRADE"),
        ("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
        ("Connection: Upgrade", "Connection: upgrade ,keep-alive"),
        (
            "Connection: Upgrade",
            "Connection: keep-alive\r\nConnection: upgrade",
        ),
        ("Sec-WebSocket-Version: 13", "sec-websocket-version:13"),
    ] {
        expect_accepted(&server, &HANDSHAKE.replacen(line, good, 1)).await;
    }
}

#[tokio::test]
async fn headers_that_are_not_ascii_are_handled() {
    let server = TestServer::start_default().await;
    for line in [
        "X-Name: J\u{f6}rg",
        "Origin: http://m\u{fc}nchen.example",
        "Cookie: \u{1f375}",
    ] {
        let request = format!("Host: localhost\r\n{line}");
        expect_accepted(&server, &HANDSHAKE.replacen("Host: localhost", &request, 1)).await;
    }
    for line in [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ] {
        let request = HANDSHAKE.replacen(line, &format!("{line}\u{f6}"), 1);
        let request = request.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
        let response = refused(&server, &request).await;
        assert!(matches!(response.status, 400 | 426), "{}", response.head);
    }
}

#[tokio::test]
async fn other_methods_and_http_versions_are_refused() {
    let server = TestServer::start_default().await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let response = refused(&server, &handshake("GET", method)).await;
        response.expect_problem(405, "method_not_allowed");
        assert!(
            response
                .header("allow")
                .is_some_and(|allow| allow.contains("GET"))
        );
    }
    let response = refused(&server, &handshake("HTTP/1.1", "HTTP/1.0")).await;
    response.expect_problem(505, "unsupported_http_version");
    let plain = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    refused(&server, plain)
        .await
        .expect_problem(426, "upgrade_required");
}

#[tokio::test]
async fn the_first_frames_may_arrive_with_the_handshake() {
    let server = TestServer::start_default().await;
    let mut client = Client::dial(server.address).await;
    let bytes = [
        HANDSHAKE.as_bytes(),
        &text_frame(r#"{"type":"join","room":"early"}"#),
        &text_frame(r#"{"type":"subscribe","channel":"birds"}"#)[..20],
    ];
    client.send(&bytes.concat()).await;
    client.expect_upgrade().await;
    client
        .expect_text(r#"{"type":"joined","room":"early","members":1}"#)
        .await;
    client
        .send(&text_frame(r#"{"type":"subscribe","channel":"birds"}"#)[20..])
        .await;
    client
        .expect_text(r#"{"type":"subscribed","channel":"birds"}"#)
        .await;
}

#[tokio::test]
async fn a_close_may_arrive_with_the_handshake() {
    let server = TestServer::start_default().await;
    let mut client = Client::dial(server.address).await;
    let bytes = [HANDSHAKE.as_bytes(), &close_frame(1000, "")].concat();
    client.send(&bytes).await;
    client.expect_upgrade().await;
    client.expect_close(1000).await;
    client.expect_end().await;
}

#[tokio::test]
async fn a_handshake_that_is_not_complete_in_time_is_closed() {
    let options = ServeOptions {
        header_timeout: Duration::from_millis(300),
        ..ServeOptions::default()
    };
    let server = TestServer::start_with(config(|_| {}), options).await;
    let half = &HANDSHAKE.as_bytes()[..60];
    let began = Instant::now();
    // One client sends nothing, one stops half-way, one sends a byte at a time.
    let mut silent = Client::dial(server.address).await;
    let mut stopped = Client::dial(server.address).await;
    stopped.send(half).await;
    let mut trickling = Client::dial(server.address).await;
    within("the end of the slow handshake", async {
        for byte in HANDSHAKE.bytes().cycle().filter(|byte| *byte != b'\n') {
            trickling.send_unless_closed(&[byte]).await;
            let mut answer = [0; 256];
            match trickling.stream().try_read(&mut answer) {
                Ok(0) => break,
                Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    })
    .await;
    for client in [&mut silent, &mut stopped] {
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(client.stream(), &mut answer);
        within("the end of a stalled handshake", read)
            .await
            .expect("an orderly end");
        assert!(!answer.starts_with(b"HTTP/1.1 1"));
    }
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(server.get("/api/stats").await["connections_total"], 0);
}

#[tokio::test]
async fn more_than_64_headers_or_32_kib_are_refused() {
    let server = TestServer::start_default().await;
    let with = |lines: String| HANDSHAKE.replacen("\r\n\r\n", &format!("\r\n{lines}\r\n"), 1);
    // The handshake has five headers already.
    let lines = |count: usize| "X: y\r\n".repeat(count);
    expect_accepted(&server, &with(lines(59))).await;
    let response = refused(&server, &with(lines(60))).await;
    assert_eq!(response.status, 431, "{}", response.head);

    let head_of = |bytes: usize| {
        let padding = bytes - with("X: \r\n".to_owned()).len();
        with(format!("X: {}\r\n", "y".repeat(padding)))
    };
    expect_accepted(&server, &head_of(32 * 1024)).await;
    for bytes in [32 * 1024 + 1, 33 * 1024, 200 * 1024] {
        let response = refused(&server, &head_of(bytes)).await;
        assert_eq!(response.status, 431, "{}", response.head);
    }
}

#[tokio::test]
async fn a_client_that_sends_one_byte_at_a_time_is_served() {
    let edge = TestServer::start_default().await;
    let mut client = Client::dial(edge.address).await;
    for byte in HANDSHAKE.as_bytes() {
        client.send(&[*byte]).await;
    }
    client.expect_upgrade().await;
    for byte in text_frame(r#"{"type":"join","room":"slow"}"#) {
        client.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    client
        .expect_text(r#"{"type":"joined","room":"slow","members":1}"#)
        .await;
}

const PROTOCOL: &str = include_str!("../../../docs/PROTOCOL.md");

#[tokio::test]
async fn the_table_of_refused_handshakes_is_true_and_complete() {
    let table = PROTOCOL.split("| status | `code` | `title` |").nth(1);
    let table = table.expect("the table").split("\n\n").next().unwrap();
    let rows = table.lines().skip(2).map(|row| {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().to_owned()).collect();
        (cells[1].clone(), cells[2].clone(), cells[3].clone())
    });
    let server = TestServer::start_default().await;
    let mut answers = Vec::new();
    for (line, bad) in [
        ("Host: localhost", "X: y"),
        ("Host: localhost", "Host: localhost\r\nContent-Length: 5"),
        ("Sec-WebSocket-Key", "X"),
        ("GET", "PUT"),
        ("Upgrade: websocket", "X: y"),
        ("Connection: Upgrade", "Connection: close"),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"),
        ("HTTP/1.1", "HTTP/1.0"),
    ] {
        let request = HANDSHAKE.replacen(line, bad, 1);
        let request = request.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
        let problem = refused(&server, &request).await.json();
        let text = |member: &str| problem[member].as_str().expect("a text").to_owned();
        let status = problem["status"].to_string();
        answers.push((status, format!("`{}`", text("code")), text("title")));
    }
    assert_eq!(rows.collect::<Vec<_>>(), answers);
}

/// A client that shows the title must not show two of them for one code.
#[tokio::test]
async fn a_code_has_one_title_whoever_answers() {
    let server = TestServer::start_default().await;
    let mut titles = Vec::new();
    for path in ["/ws", "/sse", "/api/stats"] {
        let request = HANDSHAKE.replacen("GET /ws", &format!("PATCH {path}"), 1);
        let request = request.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
        let problem = refused(&server, &request).await;
        problem.expect_problem(405, "method_not_allowed");
        titles.push(problem.json()["title"].clone());
    }
    assert_eq!(titles, ["Method not allowed"; 3]);
}
