//! WebSockets over TLS.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};

use serde_json::json;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::support::{
    config, connect_tls, dial, eventually, large_outboxes, publish, shake_hands, text_frame,
    upgrade_tls, within,
};

/// Sends and receives one byte at a time.
struct ByteByByte<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for ByteByByte<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut one = buffer.take(1);
        let read = Pin::new(&mut self.0).poll_read(cx, &mut one);
        let count = one.filled().len();
        buffer.advance(count);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ByteByByte<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, &bytes[..bytes.len().min(1)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn rooms_channels_and_pings_work() {
    let (edge, own) = super::start(config(|_| {}));
    for version in [&TLS12, &TLS13] {
        let client = own.client_with(&[version]);
        let mut ada = connect_tls(edge.address, &client).await;
        let mut bob = connect_tls(edge.address, &client).await;
        ada.join("lobby", 1).await;
        bob.join("lobby", 2).await;
        assert_eq!(ada.next_json().await["type"], "user_joined");
        bob.say("lobby", "hello").await;
        assert_eq!(ada.next_json().await["content"], "hello");
        ada.subscribe("news").await;
        edge.publish_data("news", &json!({"message": "hi"})).await;
        ada.expect_event("news", "hi").await;
        bob.expect_silence().await;
        bob.close().await;
        assert_eq!(ada.next_json().await["type"], "user_left");
        ada.close().await;
    }
}

#[tokio::test]
async fn messages_larger_than_a_record_go_both_ways() {
    let (edge, own) = super::start(large_outboxes());
    let mut speaker = connect_tls(edge.address, &own.client()).await;
    let mut client = connect_tls(edge.address, &own.client()).await;
    speaker.join("lobby", 1).await;
    client.join("lobby", 2).await;
    client.subscribe("news").await;
    for size in [16_000, 16_384, 16_385, 40_000, 60_000] {
        let content = "x".repeat(size);
        speaker.say("lobby", &content).await;
        assert_eq!(client.next_json().await["content"], content);
        edge.publish_data("news", &json!({"text": content})).await;
        assert_eq!(client.next_json().await["data"]["text"], content);
    }
    // Many at once, and several topics in one write.
    client.subscribe("more").await;
    let mut commands = Vec::new();
    for number in 0..300 {
        let command = json!({"type": "message", "room": "lobby", "content": number});
        commands.extend(text_frame(&command.to_string()));
    }
    speaker.send(&commands).await;
    for number in 0..300 {
        assert_eq!(client.next_json().await["content"], number);
    }
    for number in 0..300 {
        let channel = if number % 2 == 0 { "news" } else { "more" };
        edge.publish_data(channel, &json!({"number": number})).await;
    }
    for number in 0..300 {
        assert_eq!(client.next_json().await["data"]["number"], number);
    }
}

#[tokio::test]
async fn records_may_arrive_byte_by_byte() {
    let (edge, own) = super::start(config(|_| {}));
    let stream = dial(edge.address).await;
    stream.set_nodelay(true).expect("set TCP_NODELAY");
    let stream = shake_hands(ByteByByte(stream), &own.client()).await;
    let mut bytewise = upgrade_tls(stream.expect("a handshake")).await;
    let mut client = connect_tls(edge.address, &own.client()).await;
    bytewise.join("lobby", 1).await;
    client.join("lobby", 2).await;
    assert_eq!(bytewise.next_json().await["type"], "user_joined");
    for size in [1, 100, 5000] {
        let content = "x".repeat(size);
        bytewise.say("lobby", &content).await;
        assert_eq!(client.next_json().await["content"], content);
        client.say("lobby", &content).await;
        assert_eq!(bytewise.next_json().await["content"], content);
    }
    bytewise.close().await;
}

#[tokio::test]
async fn a_thousand_key_updates_of_the_client_do_not_disturb_the_order() {
    let (edge, own) = super::start(large_outboxes());
    let mut client = connect_tls(edge.address, &own.client_with(&[&TLS13])).await;
    client.subscribe("news").await;
    let server = edge.server.clone();
    let publishing = tokio::task::JoinSet::from_iter([async move {
        for number in 0..1000 {
            publish(&server, "news", &json!({"number": number})).await;
        }
    }]);
    let mut next = 0;
    for round in 0..1000 {
        let (_, session) = client.stream().get_mut();
        session.refresh_traffic_keys().expect("new keys");
        client
            .send_text(&format!(r#"{{"type":"ping","id":{round}}}"#))
            .await;
        loop {
            let message = client.next_json().await;
            if message["type"] == "pong" {
                assert_eq!(message["id"], round);
                break;
            }
            assert_eq!(message["data"]["number"], next);
            next += 1;
        }
    }
    within("the publications", publishing.join_all()).await;
    while next < 1000 {
        assert_eq!(client.next_json().await["data"]["number"], next);
        next += 1;
    }
    client.close().await;
}

#[tokio::test]
async fn a_peer_that_ends_without_saying_so_has_vanished() {
    let (edge, own) = super::start(config(|_| {}));
    let mut client = connect_tls(edge.address, &own.client()).await;
    client.join("lobby", 1).await;
    let (socket, _) = client.stream().get_ref();
    SockRef::from(socket)
        .shutdown(Shutdown::Write)
        .expect("end");
    eventually("the release", async || edge.links() == 0).await;

    // With `close_notify`, and without a Close frame.
    let client = connect_tls(edge.address, &own.client()).await;
    client.hang_up().await;
    eventually("the release", async || edge.links() == 0).await;
}

#[tokio::test]
async fn damaged_records_are_answered_with_an_alert() {
    let (edge, own) = super::start(config(|_| {}));
    let mut client = connect_tls(edge.address, &own.client()).await;
    client.join("lobby", 1).await;
    let (socket, _) = client.stream().get_mut();
    let garbage = [&[23, 3, 3, 0, 40][..], &[7; 40]].concat();
    socket.write_all(&garbage).await.expect("send");
    let read = within("an alert", client.stream().read(&mut [0; 16])).await;
    let error = read.expect_err("an alert").to_string();
    assert!(error.contains("BadRecordMac"), "{error}");
    eventually("the release", async || edge.links() == 0).await;
}

#[tokio::test]
async fn a_drain_closes_with_a_close_frame_and_an_orderly_end() {
    let (edge, own) = super::start(config(|_| {}));
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(connect_tls(edge.address, &own.client()).await);
    }
    let server = edge.server.clone();
    let draining = tokio::task::JoinSet::from_iter([async move { server.drain().await }]);
    for client in &mut clients {
        let notice = client.next_json().await;
        assert_eq!(notice["channel"], "$system", "{notice}");
        client.expect_close(1001).await;
        // Fails without `close_notify`.
        client.expect_end().await;
    }
    drop(clients);
    assert_eq!(within("the drain", draining.join_all()).await, [0]);
}
