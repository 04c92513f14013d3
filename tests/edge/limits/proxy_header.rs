//! Connections that begin with a PROXY header.

use std::net::SocketAddr;

use rustix::process::Signal;
use serde_json::Value;

use super::handshake;
use crate::binary::internal::internal;
use crate::binary::support::expect_problem;
use crate::support::{
    Binary, Client, ConfigFile, Response, dial, expect_end, read_head, read_response, within,
};

const FROM: &[u8] = b"PROXY TCP4 203.0.113.9 10.0.0.1 12345 80\r\n";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

async fn edge(more: &str) -> (Binary, ConfigFile) {
    let file = ConfigFile::new(&format!(
        "[network]\ntrusted_proxies = [\"127.0.0.1\"]\nproxy_protocol = true\n{more}"
    ));
    let edge = Binary::start(&["--config", file.path()]).await;
    (edge, file)
}

async fn get(address: SocketAddr, header: &[u8], path: &str) -> Response {
    let mut stream = dial(address).await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let all = [header, request.as_bytes()].concat();
    within(
        "a write",
        tokio::io::AsyncWriteExt::write_all(&mut stream, &all),
    )
    .await
    .unwrap();
    read_response(&mut stream).await
}

async fn remotes(edge: &Binary) -> Vec<Value> {
    let list = get(edge.address, LOCAL, "/api/connections").await.json();
    let list = list["connections"].as_array().expect("a list").clone();
    list.into_iter()
        .map(|connection| connection["remote"].clone())
        .collect()
}

async fn connect(edge: &Binary, header: &[u8], lines: &str) -> (Client, String) {
    let mut client = Client::dial(edge.address).await;
    let request = handshake("/ws", lines);
    client.send(&[header, request.as_bytes()].concat()).await;
    let head = within("an answer", read_head(client.stream())).await;
    (client, head)
}

#[tokio::test]
async fn the_address_in_the_header_is_that_of_the_client() {
    let (edge, _file) = edge("").await;
    let binary = [
        &LOCAL[..12],
        &[
            0x21, 0x11, 0, 15, 198, 51, 100, 7, 10, 0, 0, 1, 1, 0, 0, 80, 0xea, 0, 0,
        ],
    ]
    .concat();
    for (header, expected) in [
        (FROM, Some("203.0.113.9:12345")),
        (&binary, Some("198.51.100.7:256")),
        (
            b"PROXY TCP6 ::ffff:203.0.113.9 ::1 7 80\r\n",
            Some("203.0.113.9:7"),
        ),
        (b"PROXY UNKNOWN\r\n", None),
        (LOCAL, None),
    ] {
        // A header of HTTP means nothing here: the client is no proxy.
        let (mut client, head) = connect(&edge, header, "X-Nothing: 1").await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        let own = client.local_addr().to_string();
        client.ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#).await;
        assert_eq!(remotes(&edge).await, [expected.unwrap_or(&own)]);
        client.close().await;
        crate::support::eventually("the end", async || remotes(&edge).await.is_empty()).await;
    }
}

#[tokio::test]
async fn the_client_behind_the_header_is_not_believed_about_others() {
    let (edge, _file) = edge("").await;
    let (mut client, _) = connect(&edge, FROM, "X-Forwarded-For: 6.6.6.6").await;
    client.ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#).await;
    assert_eq!(remotes(&edge).await, ["203.0.113.9:12345"]);
    drop(client);
}

#[tokio::test]
async fn whoever_does_not_begin_with_a_header_is_closed_on_every_path() {
    let (edge, _file) = edge("").await;
    for header in [
        &b""[..],
        b"\x16\x03\x01\x02\x00\x01",
        b"PROXY TCP4 203.0.113.9\r\n",
    ] {
        let mut stream = dial(edge.address).await;
        let all = [header, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &all)
            .await
            .unwrap();
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
        // The end, or a reset because of what was not read.
        let _ = within("an end", read).await;
        assert_eq!(answer, b"", "{header:x?}");
    }
    assert_eq!(get(edge.address, LOCAL, "/healthz").await.status, 200);
    let stats = get(edge.address, LOCAL, "/api/stats").await.json();
    assert_eq!(stats["limited"]["proxy_header"], 3);
}

#[tokio::test]
async fn a_peer_that_is_no_trusted_proxy_is_closed_whatever_it_sends() {
    let file =
        ConfigFile::new("[network]\ntrusted_proxies = [\"192.0.2.1\"]\nproxy_protocol = true\n");
    let arguments = [
        "--config",
        file.path(),
        "--listen",
        "127.0.0.1:0",
        "--log",
        "off",
    ];
    let edge = Binary::start_as_given(&arguments, &[]).await;
    let mut stream = dial(edge.address).await;
    // It may be closed already.
    let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, FROM).await;
    let mut answer = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
    let _ = within("an end", read).await;
    assert_eq!(answer, b"");
}

/// Without keys, the API answers programs on this machine. What comes through a proxy is none.
#[tokio::test]
async fn the_api_does_not_take_clients_of_the_proxy_for_programs_on_this_machine() {
    let (edge, _file) = edge("").await;
    let refused = get(edge.address, FROM, "/api/stats").await;
    refused.expect_problem(401, "unauthenticated");
    assert_eq!(get(edge.address, LOCAL, "/api/stats").await.status, 200);
}

#[tokio::test]
async fn the_internal_port_begins_with_the_header_too() {
    let (edge, _file) = edge("[internal]\nlisten = \"127.0.0.1:0\"\n").await;
    let internal = internal(&edge);
    assert_eq!(get(internal, LOCAL, "/api/stats").await.status, 200);
    let mut stream = dial(internal).await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, request)
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = within(
        "an end",
        tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer),
    )
    .await;
    assert_eq!(answer, b"");
}

#[tokio::test]
async fn limits_hold_for_the_address_in_the_header() {
    let (edge, _file) = edge("[limits]\nconnections_per_address = 1\n").await;
    let (one, head) = connect(&edge, FROM, "X-Nothing: 1").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let (_, head) = connect(&edge, FROM, "X-Nothing: 1").await;
    assert!(head.starts_with("HTTP/1.1 429"), "{head}");
    let other = b"PROXY TCP4 203.0.113.10 10.0.0.1 12345 80\r\n";
    let (_, head) = connect(&edge, other, "X-Nothing: 1").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    drop(one);
}

#[tokio::test]
async fn a_proxy_that_sends_nothing_is_closed_at_a_drain() {
    let (mut edge, _file) = edge("").await;
    let mut silent = dial(edge.address).await;
    edge.signal(Signal::TERM);
    expect_end(&mut silent).await;
    assert_eq!(edge.exit_code().await, 0);
}

#[tokio::test]
async fn the_protocol_needs_trusted_proxies() {
    let file = ConfigFile::new("[network]\nproxy_protocol = true\n");
    let problem = format!(
        "{}:2: `network.proxy_protocol`: needs network.trusted_proxies",
        file.path()
    );
    expect_problem(&["--config", file.path()], &problem).await;
}
