//! How a connection begins, and every way in which it can end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use tokio::io::duplex;
use tokio::task::JoinSet;
use tower_service::Service as _;
use wavecast::WebSocketServer;
use wavecast::transport::websocket::Stream;

use crate::support::{
    CLOSE, Client, InTime as _, TestServer, close_frame, config, eventually, frame, join_all,
    publish, text_frame,
};

#[tokio::test]
async fn test_server_creation() {
    let server = TestServer::start_default().await;
    assert_eq!(server.http("GET", "/readyz", None).await.body, "ready\n");
    assert_eq!(server.get("/api/stats").await["active_connections"], 0);
    let config = server.server.config();
    assert_eq!(config.ping_interval, Duration::from_secs(30));
    assert_eq!(config.pong_timeout, Duration::from_secs(90));
    assert_eq!(config.max_message_size, 64 * 1024);
    assert_eq!(config.max_clients_per_room, 100);
}

#[tokio::test]
async fn test_client_connect() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.expect_silence().await;
    assert_eq!(server.get("/api/stats").await["active_connections"], 1);
    client.close().await;
    eventually("the end of the connection", async || {
        server.get("/api/stats").await["active_connections"] == 0
    })
    .await;
    assert_eq!(server.get("/api/stats").await["connections_total"], 1);
}

/// Ends a member's connection in this way and expects the same consequences for its rooms.
async fn expect_one_departure(end: impl AsyncFnOnce(Client)) {
    let server = TestServer::start_default().await;
    let (mut witness, mut member) = (server.connect().await, server.connect().await);
    witness.join("one", 1).await;
    witness.join("two", 1).await;
    member.join("one", 2).await;
    member.join("two", 2).await;
    member.subscribe("news").await;
    let id = server.id_of(&member).await;
    witness.next_text().await;
    witness.next_text().await;

    end(member).await;
    let mut left = [witness.next_text().await, witness.next_text().await];
    left.sort();
    for (text, room) in left.iter().zip(["one", "two"]) {
        assert_eq!(
            *text,
            format!(r#"{{"type":"user_left","room":"{room}","user_id":"{id}"}}"#)
        );
    }
    eventually("the connection's end", async || {
        server.get("/api/connections").await["total"] == 1
    })
    .await;
    witness.expect_silence().await;
    assert_eq!(server.get("/api/stats").await["channels"], json!({}));
    assert!(server.server.client(id).is_none());
    let gone = server
        .http("GET", &format!("/api/connections/{id}"), None)
        .await;
    gone.expect_problem(404, "not_found");
    eventually("the socket's end", async || server.links() == 1).await;
    // The room still works, and its count is right.
    let mut next = server.connect().await;
    next.join("one", 2).await;
}

#[tokio::test]
async fn test_cleanup_on_disconnect() {
    expect_one_departure(async |member| member.close().await).await;
}

#[tokio::test]
async fn a_fin_without_a_close_frame_is_one_departure() {
    expect_one_departure(async |member| member.hang_up().await).await;
}

#[tokio::test]
async fn a_reset_is_one_departure() {
    expect_one_departure(async |member| member.reset()).await;
}

#[tokio::test]
async fn a_protocol_error_is_one_departure() {
    expect_one_departure(async |mut member| {
        member.send(&[0xff, 0x80]).await;
        member.expect_close(1002).await;
        member.expect_end().await;
    })
    .await;
}

#[tokio::test]
async fn a_leave_and_a_close_in_one_write_are_one_departure() {
    expect_one_departure(async |mut member| {
        let bytes = [
            text_frame(r#"{"type":"leave","room":"one"}"#),
            close_frame(1000, ""),
        ];
        member.send(&bytes.concat()).await;
        member.expect_text(r#"{"type":"left","room":"one"}"#).await;
        member.expect_close(1000).await;
        member.expect_end().await;
    })
    .await;
}

#[tokio::test]
async fn an_operators_close_is_one_departure() {
    let server = TestServer::start_default().await;
    let (mut witness, mut member) = (server.connect().await, server.connect().await);
    witness.join("one", 1).await;
    member.join("one", 2).await;
    let id = server.id_of(&member).await;
    witness.next_text().await;
    let answer = server
        .http("DELETE", &format!("/api/connections/{id}"), None)
        .await;
    assert_eq!(answer.status, 204);
    assert_eq!(member.expect_close(4000).await, "closed by operator");
    member.expect_end().await;
    assert_eq!(witness.next_json().await["type"], "user_left");
    drop(member);
    witness.expect_silence().await;
}

/// In memory, so that the clock can be advanced.
#[tokio::test(start_paused = true)]
async fn a_client_that_ignores_an_operators_close_is_gone_after_the_close_timeout() {
    let server = WebSocketServer::new(config(|config| {
        config.connections.close_timeout = Duration::from_secs(7);
    }));
    let server = Arc::new(server);
    // One reads the Close frame and stays, the other reads nothing.
    for reads in [true, false] {
        let (near, far) = duplex(64);
        let (edge, mut connections) = (server.clone(), JoinSet::new());
        connections.spawn(async move { edge.handle_connection(Stream::other(far)).await });
        let mut client = Client::over(near);
        client.subscribe("news").await;
        let node = server.node();
        let id = node.hub().clients()[0].id();
        if !reads {
            // More than the pipe of a connection in memory takes, so that the Close frame waits.
            publish(&server, "news", &"x".repeat(50_000)).await;
            node.hub().probe().in_time().await.expect("a shard");
        }
        let began = tokio::time::Instant::now();
        let request = Request::delete(format!("/api/connections/{id}"));
        let request = request.body(Body::empty()).expect("a request");
        let answer = server.router().call(request).in_time().await;
        assert_eq!(answer.expect("an answer").status(), 204);
        if reads {
            client.expect_close(4000).await;
        }
        eventually("the end of the connection", async || node.links() == 0).await;
        let took = began.elapsed().as_millis();
        assert!((7000..7100).contains(&took), "{took} ms, reads: {reads}");
        join_all("its task", connections).await;
    }
}

#[tokio::test]
async fn close_is_answered_with_the_same_code() {
    let server = TestServer::start_default().await;
    for code in [1000, 1001, 1003, 1011, 3000, 4999] {
        let mut client = server.connect().await;
        client.send(&close_frame(code, "good bye")).await;
        client.expect_close(code).await;
        client.expect_end().await;
    }
    // A Close frame without a code is answered with 1000.
    let mut client = server.connect().await;
    client.send(&frame(CLOSE, b"")).await;
    client.expect_close(1000).await;
    client.expect_end().await;
}

#[tokio::test]
async fn commands_before_a_close_are_carried_out_and_those_after_it_are_not() {
    let server = TestServer::start_default().await;
    let (mut witness, mut member) = (server.connect().await, server.connect().await);
    witness.join("one", 1).await;
    member.join("one", 2).await;
    witness.next_text().await;
    let say = |content: &str| {
        text_frame(&format!(
            r#"{{"type":"message","room":"one","content":"{content}"}}"#
        ))
    };
    let bytes = [say("before"), close_frame(1000, ""), say("after")].concat();
    member.send(&bytes).await;
    member.expect_close(1000).await;
    member.expect_end().await;
    assert_eq!(witness.next_json().await["content"], "before");
    assert_eq!(witness.next_json().await["type"], "user_left");
    witness.expect_silence().await;
}

#[tokio::test]
async fn commands_before_a_fin_are_carried_out() {
    // `nc` ends its side like this when its input ends.
    let server = TestServer::start_default().await;
    let (mut witness, mut member) = (server.connect().await, server.connect().await);
    witness.join("one", 1).await;
    member.send_text(r#"{"type":"join","room":"one"}"#).await;
    member.hang_up().await;
    assert_eq!(witness.next_json().await["type"], "user_joined");
    assert_eq!(witness.next_json().await["type"], "user_left");
    witness.expect_silence().await;
}

#[tokio::test]
async fn two_hundred_simultaneous_connections_all_succeed() {
    let edge = TestServer::start_default().await;
    let mut connecting = JoinSet::new();
    for _ in 0..200 {
        let address = edge.address;
        connecting.spawn(async move { Client::connect(address, "/ws").await });
    }
    let clients = join_all("200 connections", connecting).await;
    assert_eq!(edge.get("/api/stats").await["active_connections"], 200);
    drop(clients);
}
