//! A WebSocket client that sends any bytes and reads what comes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::frame::{CLOSE, Frame, PING, PONG, TEXT, close_frame, frame, text_frame};
use super::http::read_head;
use super::within;

/// The opening handshake of RFC 6455 §1.3.
pub const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\n\
    Host: localhost\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// A handshake whose connection ends with the answer, if the answer is a refusal.
pub fn refusable_handshake() -> String {
    HANDSHAKE.replacen("Connection: Upgrade", "Connection: Upgrade, close", 1)
}

/// An opening handshake for another path.
pub fn upgrade_request(path: &str) -> String {
    HANDSHAKE.replacen("/ws", path, 1)
}

/// A client over a socket, or over another stream where that is what is tested.
#[derive(Debug)]
pub struct Client<S = TcpStream> {
    stream: S,
    received: Vec<u8>,
    /// Whether the server's pings are answered while the client waits for a text.
    pub answers_pings: bool,
    barriers: u32,
}

impl Client {
    /// A connection without a byte sent.
    pub async fn dial(address: SocketAddr) -> Self {
        let stream = within("a TCP connection", TcpStream::connect(address)).await;
        let stream = stream.expect("connect");
        stream.set_nodelay(true).expect("set TCP_NODELAY");
        Self::over(stream)
    }

    /// A client that is upgraded on `path` and known to the server.
    pub async fn connect(address: SocketAddr, path: &str) -> Self {
        let mut client = Self::dial(address).await;
        client.send(upgrade_request(path).as_bytes()).await;
        client.expect_upgrade().await;
        client.settle().await;
        client
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr().expect("local address")
    }

    /// Vanishes with a reset.
    pub fn reset(self) {
        let linger = Some(Duration::ZERO);
        let set = SockRef::from(&self.stream).set_linger(linger);
        set.expect("set SO_LINGER");
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// A client on a stream that is connected, and perhaps upgraded, already.
    pub fn over(stream: S) -> Self {
        Self {
            stream,
            received: Vec::new(),
            answers_pings: true,
            barriers: 0,
        }
    }

    /// Reads the answer to a handshake that was sent, and holds it to the RFC.
    pub async fn expect_upgrade(&mut self) {
        let head = within("the answer to a handshake", read_head(&mut self.stream)).await;
        assert_eq!(
            head,
            "HTTP/1.1 101 Switching Protocols\r\n\
             upgrade: websocket\r\n\
             connection: Upgrade\r\n\
             sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
            "(without the date)"
        );
    }

    /// Waits until the server knows the connection: a ping is answered by its shard.
    async fn settle(&mut self) {
        self.send(&frame(PING, b"settle")).await;
        self.expect_pong(b"settle").await;
    }

    /// The payload of the next pong; the server's own pings before it are answered.
    pub async fn next_pong(&mut self) -> Vec<u8> {
        let next = self.next_but_ping("a pong").await;
        assert_eq!(next.first, PONG, "expected a pong: {next:?}");
        next.payload
    }

    /// The next frame that is no ping; pings are answered if `answers_pings` says so. The
    /// deadline counts for all of them together.
    async fn next_but_ping(&mut self, what: &str) -> Frame {
        within(what, async {
            loop {
                let next = self.next_frame().await;
                if next.first != PING {
                    return next;
                }
                if self.answers_pings {
                    self.send(&frame(PONG, &next.payload)).await;
                }
            }
        })
        .await
    }

    pub async fn expect_pong(&mut self, payload: &[u8]) {
        assert_eq!(self.next_pong().await, payload);
    }

    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) {
        let sent = within("a socket that takes bytes", self.stream.write_all(bytes)).await;
        sent.expect("send");
    }

    /// Sends bytes as far as the server takes them; it may have closed already.
    pub async fn send_unless_closed(&mut self, bytes: &[u8]) {
        let _ = within("a socket that takes bytes", self.stream.write_all(bytes)).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.send(&text_frame(text)).await;
    }

    pub async fn send_close(&mut self, code: u16) {
        self.send(&close_frame(code, "")).await;
    }

    /// The next frame, or the end of the stream (`Ok(None)`), or its failure.
    pub async fn read_frame(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = Frame::take(&mut self.received) {
                return Ok(Some(frame));
            }
            let read = self.stream.read_buf(&mut self.received);
            if within("a frame or the end of the stream", read).await? == 0 {
                assert_eq!(self.received, b"", "the stream ends inside a frame");
                return Ok(None);
            }
        }
    }

    pub async fn next_frame(&mut self) -> Frame {
        match self.read_frame().await {
            Ok(Some(frame)) => frame,
            end => panic!("expected a frame, the stream ended: {end:?}"),
        }
    }

    /// The next text; pings before it are answered if `answers_pings` says so.
    pub async fn next_text(&mut self) -> String {
        let next = self.next_but_ping("a text").await;
        match next.first {
            TEXT => next.text().to_owned(),
            CLOSE => panic!("expected a text, the server closed: {:?}", next.close()),
            _ => panic!("expected a text: {next:?}"),
        }
    }

    pub async fn next_json(&mut self) -> Value {
        let text = self.next_text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub async fn expect_text(&mut self, expected: &str) {
        assert_eq!(self.next_text().await, expected);
    }

    pub async fn expect_json(&mut self, expected: Value) {
        assert_eq!(self.next_json().await, expected);
    }

    /// Expects an event of this channel next and returns its `data` without the `id` and
    /// `timestamp` it must have.
    pub async fn next_event(&mut self, channel: &str) -> Value {
        let mut event = self.next_json().await;
        assert_eq!(event["type"], "event", "{event}");
        assert_eq!(event["channel"], channel, "{event}");
        let data = event["data"].as_object_mut().expect("data is an object");
        for field in ["id", "timestamp"] {
            assert!(data.remove(field).is_some_and(|value| value.is_string()));
        }
        event["data"].take()
    }

    /// Expects an event as `TestServer::publish` sends it.
    pub async fn expect_event(&mut self, channel: &str, message: &str) {
        assert_eq!(self.next_event(channel).await, json!({"message": message}));
    }

    /// Sends a command and expects its answer as the next text.
    pub async fn ask(&mut self, command: &str, answer: &str) {
        self.send_text(command).await;
        self.expect_text(answer).await;
    }

    /// Joins a room and expects to be one of `members`.
    pub async fn join(&mut self, room: &str, members: usize) {
        self.ask(
            &format!(r#"{{"type":"join","room":"{room}"}}"#),
            &format!(r#"{{"type":"joined","room":"{room}","members":{members}}}"#),
        )
        .await;
    }

    pub async fn leave(&mut self, room: &str) {
        self.ask(
            &format!(r#"{{"type":"leave","room":"{room}"}}"#),
            &format!(r#"{{"type":"left","room":"{room}"}}"#),
        )
        .await;
    }

    pub async fn say(&mut self, room: &str, content: &str) {
        self.send_text(&format!(
            r#"{{"type":"message","room":"{room}","content":"{content}"}}"#
        ))
        .await;
    }

    pub async fn subscribe(&mut self, channel: &str) {
        self.ask(
            &format!(r#"{{"type":"subscribe","channel":"{channel}"}}"#),
            &format!(r#"{{"type":"subscribed","channel":"{channel}"}}"#),
        )
        .await;
    }

    pub async fn unsubscribe(&mut self, channel: &str) {
        self.ask(
            &format!(r#"{{"type":"unsubscribe","channel":"{channel}"}}"#),
            &format!(r#"{{"type":"unsubscribed","channel":"{channel}"}}"#),
        )
        .await;
    }

    /// Waits until the server has carried out all that was sent so far, and checks that
    /// it has sent nothing in the meantime. A client's answers stand in one queue with
    /// everything else it gets, so what others caused before this call comes before it.
    pub async fn expect_silence(&mut self) {
        self.barriers += 1;
        let id = self.barriers;
        self.ask(
            &format!(r#"{{"type":"ping","id":"barrier {id}"}}"#),
            &format!(r#"{{"type":"pong","id":"barrier {id}"}}"#),
        )
        .await;
    }

    /// Expects a Close frame with this code next, pings aside, and returns its reason.
    pub async fn expect_close(&mut self, code: u16) -> String {
        let answers_pings = std::mem::take(&mut self.answers_pings);
        let next = self.next_but_ping("a Close frame").await;
        self.answers_pings = answers_pings;
        let (found, reason) = next.close();
        assert_eq!(found, code, "{reason}");
        reason.to_owned()
    }

    /// Expects the orderly end of the stream, with nothing before it.
    pub async fn expect_end(&mut self) {
        match self.read_frame().await {
            Ok(None) => {}
            other => panic!("expected the end of the stream: {other:?}"),
        }
    }

    /// Expects the connection to be gone, in order or by a reset.
    pub async fn expect_gone(&mut self) {
        while let Ok(Some(frame)) = self.read_frame().await {
            assert!(
                matches!(frame.first, PING | CLOSE),
                "expected the end: {frame:?}"
            );
        }
    }

    /// Closes in order: Close, the server's answer, the end of the stream.
    pub async fn close(mut self) {
        self.send_close(1000).await;
        self.expect_close(1000).await;
        self.expect_end().await;
    }

    /// Ends the stream without a Close frame (FIN).
    pub async fn hang_up(mut self) {
        self.stream.shutdown().await.expect("shut down");
        while !matches!(self.read_frame().await, Ok(None) | Err(_)) {}
    }
}
