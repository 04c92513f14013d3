//! Event streams over TLS.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::client::TlsStream;

use crate::support::{
    config, dial, dial_tls, dial_with_small_buffer, eventually, read_head, shake_hands, within,
    within_a_minute,
};

const REQUEST: &str = "GET /sse?channel=news HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Reads until the text of the stream ends with what is expected.
async fn read_until<S: tokio::io::AsyncRead + Unpin>(stream: &mut S, text: &mut String, end: &str) {
    within(end, async {
        while !text.contains(end) {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).await.expect("text");
            assert!(count > 0, "it ended: {text}");
            text.push_str(std::str::from_utf8(&bytes[..count]).expect("UTF-8"));
        }
    })
    .await;
}

async fn open<S>(stream: &mut TlsStream<S>) -> String
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    stream.write_all(REQUEST.as_bytes()).await.expect("send");
    stream.flush().await.expect("send");
    let head = read_head(stream).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let hsts = "strict-transport-security: max-age=31536000\r\n";
    assert!(head.contains(hsts), "{head}");
    let mut text = String::new();
    read_until(stream, &mut text, r#""type":"subscribed""#).await;
    text
}

#[tokio::test]
async fn events_arrive_and_the_end_is_in_order() {
    let (edge, own) = super::start(config(|_| {}));
    let mut stream = dial_tls(edge.address, &own.client()).await;
    let mut text = open(&mut stream).await;
    for number in 0..50 {
        let message = format!("message {number}");
        edge.publish_data(
            "news",
            &json!({"message": message, "padding": "x".repeat(number * 500)}),
        )
        .await;
        read_until(&mut stream, &mut text, &message).await;
        text.clear();
    }
    let server = edge.server.clone();
    let draining = tokio::task::JoinSet::from_iter([async move { server.drain().await }]);
    let mut rest = String::new();
    let read = within("the end", stream.read_to_string(&mut rest)).await;
    read.expect("`close_notify`");
    assert!(rest.contains("event: close"), "{rest}");
    assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
    drop(stream);
    assert_eq!(within("the drain", draining.join_all()).await, [0]);
}

#[tokio::test]
async fn a_peer_that_leaves_is_noticed() {
    let (edge, own) = super::start(config(|_| {}));
    let mut stream = dial_tls(edge.address, &own.client()).await;
    open(&mut stream).await;
    assert_eq!(edge.links(), 1);
    drop(stream);
    eventually("the release", async || edge.links() == 0).await;

    // With `close_notify` alone: the socket stays open.
    let mut stream = shake_hands(dial(edge.address).await, &own.client())
        .await
        .expect("TLS");
    open(&mut stream).await;
    let (socket, session) = stream.get_mut();
    session.send_close_notify();
    let mut alert = Vec::new();
    session.write_tls(&mut alert).expect("an alert");
    socket.write_all(&alert).await.expect("send");
    eventually("the release", async || edge.links() == 0).await;
}

#[tokio::test]
async fn a_stream_that_is_read_slowly_stays_in_order() {
    let (edge, own) = super::start(config(|config| {
        config.outbox.messages = 100_000;
        config.outbox.bytes = 64 * 1024 * 1024;
    }));
    let stream = dial_with_small_buffer(edge.address).await;
    let mut stream = shake_hands(stream, &own.client())
        .await
        .expect("a handshake");
    let mut text = open(&mut stream).await;
    for number in 0..200 {
        let padding = "x".repeat(5000);
        edge.publish_data("news", &json!({"number": number, "padding": padding}))
            .await;
    }
    within_a_minute("all events", async {
        for number in 0..200 {
            let wanted = format!(r#""number":{number},"#);
            read_until(&mut stream, &mut text, &wanted).await;
            let (before, rest) = text.split_once(&wanted).expect("it was read");
            assert!(!before.contains(r#""number":"#), "{before}");
            text = rest.to_owned();
        }
    })
    .await;
}
