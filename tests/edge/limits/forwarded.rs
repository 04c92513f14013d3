//! Addresses that proxies forward.

use serde_json::Value;

use super::{behind_proxies, connect_from, forwarded_for, handshake, start};
use crate::support::{
    Binary, Client, ConfigFile, EventSource, TestServer, config, exchange, read_head,
};

async fn remote_of_only(server: &TestServer) -> Value {
    let list = server.get("/api/connections").await;
    assert_eq!(list["total"], 1, "{list}");
    list["connections"][0]["remote"].clone()
}

async fn remote_with(server: &TestServer, lines: &str) -> Value {
    let mut client = Client::dial(server.address).await;
    let request = handshake("/ws", lines).replace(", close", "");
    client.send(request.as_bytes()).await;
    client.expect_upgrade().await;
    client.ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#).await;
    let mut remote = remote_of_only(server).await;
    if remote == client.local_addr().to_string() {
        remote = "peer".into();
    }
    client.close().await;
    crate::support::eventually("the end", async || server.links() == 0).await;
    remote
}

#[tokio::test]
async fn the_address_that_a_trusted_proxy_forwards_is_that_of_the_client() {
    let server = start(|_| {}).await;
    for (lines, expected) in [
        ("X-Forwarded-For: 203.0.113.9", "203.0.113.9"),
        ("X-Forwarded-For: spoofed, 203.0.113.9", "203.0.113.9"),
        (
            "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 127.0.0.2",
            "203.0.113.9",
        ),
        (
            "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.9",
            "203.0.113.9",
        ),
        (
            "X-Forwarded-For: 203.0.113.9\r\nx-forwarded-for: unknown",
            "peer",
        ),
        (
            "X-Forwarded-For: 203.0.113.9, unknown, 127.0.0.3",
            "127.0.0.3",
        ),
        (
            "Forwarded: for=\"[2001:db8::9]:4711\";proto=https",
            "2001:db8::9",
        ),
        (
            "Forwarded: for=6.6.6.6;by=x, for=203.0.113.9\r\nX-Forwarded-For: 7.7.7.7",
            "203.0.113.9",
        ),
        ("Forwarded: for=_hidden", "peer"),
        ("Forwarded: for=\"6.6.6.6, for=203.0.113.9", "203.0.113.9"),
        ("X-Real-IP: 203.0.113.9", "peer"),
    ] {
        assert_eq!(remote_with(&server, lines).await, expected, "{lines}");
    }
    let line = "X-Forwarded-For: 203.0.113.9\r\n";
    let stream = EventSource::open_with(server.address, "/sse?channel=a", line).await;
    assert_eq!(remote_of_only(&server).await, "203.0.113.9");
    drop(stream);
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let server = TestServer::start_default().await;
    for lines in ["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9"] {
        assert_eq!(remote_with(&server, lines).await, "peer", "{lines}");
    }
}

#[tokio::test]
async fn each_request_on_a_kept_connection_has_its_own_client() {
    let limits = config(|config| config.limits.handshakes_per_address = super::at_once(1));
    let server = TestServer::start_with(limits, behind_proxies()).await;
    let mut proxy = crate::support::dial(server.address).await;
    let mut ask = async |from: &str| {
        let request = format!(
            "GET /sse HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n",
            forwarded_for(from)
        );
        tokio::io::AsyncWriteExt::write_all(&mut proxy, request.as_bytes())
            .await
            .unwrap();
        crate::support::read_response(&mut proxy).await.status
    };
    assert_eq!(ask("203.0.113.1").await, 400);
    assert_eq!(ask("203.0.113.1").await, 429);
    assert_eq!(ask("203.0.113.2").await, 400);
    assert_eq!(ask("203.0.113.1").await, 429);
}

/// The API stays closed to what a proxy on this machine forwards, trusted or not.
#[tokio::test]
async fn a_trusted_proxy_does_not_open_the_api() {
    let file = ConfigFile::new("[network]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let edge = Binary::start(&["--config", file.path()]).await;
    for lines in [
        "",
        "X-Forwarded-For: 127.0.0.1\r\n",
        "Forwarded: for=203.0.113.9\r\n",
    ] {
        let request = format!(
            "GET /api/stats HTTP/1.1\r\nHost: localhost\r\n{lines}Connection: close\r\n\r\n"
        );
        let status = exchange(edge.address, request.as_bytes()).await.status;
        assert_eq!(status, if lines.is_empty() { 200 } else { 401 }, "{lines}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_configured_is_warned_about_once() {
    let folder = crate::support::Folder::new();
    let log = folder.file("log");
    let edge = Binary::start_logging_to(&log, &[]).await;
    for _ in 0..3 {
        let mut client = Client::dial(edge.address).await;
        let request = handshake("/ws", "X-Forwarded-For: 203.0.113.9");
        client.send(request.as_bytes()).await;
        read_head(client.stream()).await;
    }
    let count = async || {
        let text = std::fs::read_to_string(&log).expect("a log");
        text.matches("network.trusted_proxies").count()
    };
    crate::support::eventually("a warning", async || count().await > 0).await;
    assert_eq!(count().await, 1);
}

#[tokio::test]
async fn logs_show_the_address_that_was_forwarded() {
    let file = ConfigFile::new("[network]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let folder = crate::support::Folder::new();
    let log = folder.file("log");
    let edge = Binary::start_logging_to(&log, &["--config", file.path()]).await;
    let mut client = Client::dial(edge.address).await;
    let request = handshake("/ws", "X-Forwarded-For: 203.0.113.9");
    client.send(request.as_bytes()).await;
    read_head(client.stream()).await;
    crate::support::eventually("a line", async || {
        let text = std::fs::read_to_string(&log).expect("a log");
        text.lines()
            .any(|line| line.contains("connected") && line.contains("203.0.113.9"))
    })
    .await;
    assert!(
        !std::fs::read_to_string(&log)
            .unwrap()
            .contains("network.trusted_proxies")
    );
}

#[tokio::test]
async fn limits_hold_for_the_address_that_was_forwarded() {
    let server = start(|limits| limits.connections_per_address = 1).await;
    let one = connect_from(&server, "spoofed, 203.0.113.9", "/ws").await;
    let refused = super::refused_from(&server, "another, 203.0.113.9", "/ws").await;
    refused.expect_problem(429, "too_many_from_address");
    drop(one);
}
