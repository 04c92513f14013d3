//! A WebSocket client that can send any bytes and reads frame by frame.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::ioctl_fionread;
use serde_json::{Value, json};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::frame::{CLOSE, Frame, PING, PONG, TEXT, close_frame, frame, text_frame};
use super::http::{dial, dial_with_small_buffer, read_head};
use super::patience::within;

/// The opening handshake of RFC 6455 §1.3.
pub const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\n\
    Host: localhost\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// A handshake that asks the server to close the connection after a refusal.
pub fn refusable_handshake() -> String {
    HANDSHAKE.replacen("Connection: Upgrade", "Connection: Upgrade, close", 1)
}

/// An opening handshake for another path.
pub fn upgrade_request(path: &str) -> String {
    HANDSHAKE.replacen("/ws", path, 1)
}

/// A client over a socket, or over another kind of stream.
#[derive(Debug)]
pub struct Client<S = TcpStream> {
    stream: S,
    received: Vec<u8>,
    /// Whether the client answers the server's pings while it waits for something else.
    pub answers_pings: bool,
    barriers: u32,
}

impl Client {
    /// A client that has connected its socket and sent nothing.
    pub async fn dial(address: SocketAddr) -> Self {
        let stream = dial(address).await;
        stream.set_nodelay(true).expect("set TCP_NODELAY");
        Self::over(stream)
    }

    /// A client that has been upgraded on `path` and is registered with the server.
    pub async fn connect(address: SocketAddr, path: &str) -> Self {
        let mut client = Self::dial(address).await;
        client.send(upgrade_request(path).as_bytes()).await;
        client.expect_upgrade().await;
        client.settle().await;
        client
    }

    /// An upgraded client whose socket the server soon finds full when the client does not
    /// read.
    pub async fn connect_with_small_buffer(address: SocketAddr) -> Self {
        let mut client = Self::over(dial_with_small_buffer(address).await);
        client.send(HANDSHAKE.as_bytes()).await;
        client.expect_upgrade().await;
        client
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr().expect("local address")
    }

    /// Whether something has arrived that was not read yet.
    pub fn has_received(&self) -> bool {
        let arrived = ioctl_fionread(&self.stream).expect("a socket");
        arrived > 0 || !self.received.is_empty()
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        let linger = Some(Duration::ZERO);
        let set = SockRef::from(&self.stream).set_linger(linger);
        set.expect("set SO_LINGER");
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// A client on a stream that is connected already, and possibly upgraded.
    pub fn over(stream: S) -> Self {
        Self {
            stream,
            received: Vec::new(),
            answers_pings: true,
            barriers: 0,
        }
    }

    /// Reads the answer to a handshake and checks it against the RFC.
    pub async fn expect_upgrade(&mut self) {
        self.expect_head("").await;
    }

    /// The same over TLS.
    pub async fn expect_secure_upgrade(&mut self) {
        self.expect_head("strict-transport-security: max-age=31536000\r\n")
            .await;
    }

    async fn expect_head(&mut self, end: &str) {
        let head = "HTTP/1.1 101 Switching Protocols\r\n\
             upgrade: websocket\r\n\
             connection: Upgrade\r\n\
             sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        let found = read_head(&mut self.stream).await;
        assert_eq!(found, format!("{head}{end}"), "(without the date)");
    }

    /// Waits until the server has registered the connection: its shard answers a ping.
    async fn settle(&mut self) {
        self.send(&frame(PING, b"settle")).await;
        self.expect_pong(b"settle").await;
    }

    /// The payload of the next pong. Pings of the server are skipped.
    pub async fn next_pong(&mut self) -> Vec<u8> {
        let next = self.next_except_pings("a pong").await;
        assert_eq!(next.first, PONG, "expected a pong: {next:?}");
        next.payload
    }

    /// The next frame that is not a ping. Pings before it are answered if `answers_pings` is
    /// set. The deadline is for all of them together.
    async fn next_except_pings(&mut self, what: &str) -> Frame {
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

    /// Sends these bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) {
        let sending = async {
            self.stream.write_all(bytes).await?;
            // A stream with TLS keeps what its socket does not take.
            self.stream.flush().await
        };
        let sent = within("a socket that takes bytes", sending).await;
        sent.expect("send");
    }

    /// Sends these bytes to a server that may have closed the connection already.
    pub async fn send_unless_closed(&mut self, bytes: &[u8]) {
        let _ = within("a socket that takes bytes", self.stream.write_all(bytes)).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.send(&text_frame(text)).await;
    }

    pub async fn send_close(&mut self, code: u16) {
        self.send(&close_frame(code, "")).await;
    }

    /// The next frame, or `Ok(None)` at the end of the stream.
    pub async fn read_frame(&mut self) -> io::Result<Option<Frame>> {
        within("a frame or the end of the stream", async {
            loop {
                if let Some(frame) = Frame::take(&mut self.received) {
                    return Ok(Some(frame));
                }
                if self.stream.read_buf(&mut self.received).await? == 0 {
                    assert_eq!(self.received, b"", "the stream ends inside a frame");
                    return Ok(None);
                }
            }
        })
        .await
    }

    pub async fn next_frame(&mut self) -> Frame {
        match self.read_frame().await {
            Ok(Some(frame)) => frame,
            end => panic!("expected a frame, the stream ended: {end:?}"),
        }
    }

    /// The next text. Pings before it are answered if `answers_pings` is set.
    pub async fn next_text(&mut self) -> String {
        let next = self.next_except_pings("a text").await;
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

    /// Expects an event of this channel next. Returns its `data` without the `id` and the
    /// `timestamp`, which it must have.
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

    /// Joins a room and expects that it has `members` members then.
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

    /// Waits until the server has carried out everything that was sent so far, and checks
    /// that it has sent nothing in the meantime. A client's answers are in one queue with
    /// everything else it receives, so whatever others caused before this call arrives before
    /// the answer to this call.
    pub async fn expect_silence(&mut self) {
        self.barriers += 1;
        let id = self.barriers;
        self.ask(
            &format!(r#"{{"type":"ping","id":"barrier {id}"}}"#),
            &format!(r#"{{"type":"pong","id":"barrier {id}"}}"#),
        )
        .await;
    }

    /// Expects a Close frame with this code next, ignoring pings. Returns its reason.
    pub async fn expect_close(&mut self, code: u16) -> String {
        let answers_pings = std::mem::take(&mut self.answers_pings);
        let next = self.next_except_pings("a Close frame").await;
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

    /// Expects the end of the connection, orderly or by a reset.
    pub async fn expect_gone(&mut self) {
        within("the end of the connection", async {
            while let Ok(Some(frame)) = self.read_frame().await {
                assert!(
                    matches!(frame.first, PING | CLOSE),
                    "expected the end: {frame:?}"
                );
            }
        })
        .await;
    }

    /// The closing handshake: Close, the server's answer, the end of the stream.
    pub async fn close(mut self) {
        self.send_close(1000).await;
        self.expect_close(1000).await;
        self.expect_end().await;
    }

    /// Ends the stream with a FIN, without a Close frame, and reads to the end.
    pub async fn hang_up(mut self) {
        let ended = within("the end of the sending side", self.stream.shutdown()).await;
        ended.expect("shut down");
        within("the end of the connection", async {
            while !matches!(self.read_frame().await, Ok(None) | Err(_)) {}
        })
        .await;
    }
}
