//! A client of an event stream: HTTP and its lines, read by hand.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::http::{dial, dial_with_small_buffer, read_head};
use super::patience::within;

/// The lines between two empty lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// The value of `event:` (`message` without one) and the lines of `data:`.
    Event {
        name: String,
        data: String,
    },
    Comment,
    Retry(u64),
}

/// A reader of one event stream, chunked or not.
#[derive(Debug)]
pub struct EventSource {
    stream: TcpStream,
    pub head: String,
    /// Bytes of the body that are not decoded yet, such as half a chunk.
    raw: Vec<u8>,
    text: Vec<u8>,
    chunked: bool,
    ended: bool,
    /// The last `id:`, which a browser would send when it reconnects.
    pub last_id: Option<String>,
    pub comments: usize,
}

impl EventSource {
    /// Opens a stream and reads its head and its reconnection time.
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self::open_with(address, path, "").await
    }

    /// The same, with further header lines.
    pub async fn open_with(address: SocketAddr, path: &str, headers: &str) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let mut source = Self::over(dial(address).await, &request).await;
        let retry = source.next_block().await;
        assert!(
            matches!(retry, Some(Block::Retry(1000..=5000))),
            "a client is told when to reconnect: {retry:?}"
        );
        source
    }

    /// Opens a stream of these channels and reads up to the last answer.
    pub async fn subscribe(address: SocketAddr, channels: &[&str]) -> Self {
        let path = format!("/sse?channel={}", channels.join("&channel="));
        let mut source = Self::open(address, &path).await;
        source.expect_subscribed(channels).await;
        source
    }

    /// Opens a stream of these channels that continues after the event with this id.
    pub async fn resume(address: SocketAddr, channels: &[&str], id: &str) -> Self {
        let path = format!("/sse?channel={}", channels.join("&channel="));
        Self::open_with(address, &path, &format!("Last-Event-ID: {id}\r\n")).await
    }

    /// A stream that the server soon finds full when nobody reads it.
    pub async fn open_with_small_buffer(address: SocketAddr, path: &str) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Self::over(dial_with_small_buffer(address).await, &request).await
    }

    /// Sends a request and reads the head of the answer.
    pub async fn over(mut stream: TcpStream, request: &str) -> Self {
        let sent = within("a sent request", stream.write_all(request.as_bytes())).await;
        sent.expect("send");
        let head = read_head(&mut stream).await;
        assert_eq!(head.get(9..12), Some("200"), "{head}");
        let chunked = head.contains("transfer-encoding: chunked\r\n");
        Self {
            stream,
            head,
            raw: Vec::new(),
            text: Vec::new(),
            chunked,
            ended: false,
            last_id: None,
            comments: 0,
        }
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr().expect("local address")
    }

    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Sends bytes that an event stream does not expect.
    pub async fn send(&mut self, bytes: &[u8]) {
        let sent = within("a socket that takes bytes", self.stream.write_all(bytes)).await;
        sent.expect("send");
    }

    /// Reads once, or notes the end of the stream.
    async fn read(&mut self) {
        let read = self.stream.read_buf(&mut self.raw).await;
        if read.unwrap_or(0) == 0 {
            assert!(!self.chunked, "the stream was cut off: {:?}", self.raw);
            self.ended = true;
        }
        if !self.chunked {
            self.text.append(&mut self.raw);
            return;
        }
        while let Some(line) = self.raw.windows(2).position(|two| two == b"\r\n") {
            let length = std::str::from_utf8(&self.raw[..line]).expect("a length");
            let length = usize::from_str_radix(length, 16).expect("a length");
            let end = line + 2 + length;
            if self.raw.len() < end + 2 {
                return;
            }
            assert_eq!(&self.raw[end..end + 2], b"\r\n", "the end of a chunk");
            self.text.extend_from_slice(&self.raw[line + 2..end]);
            self.raw.drain(..end + 2);
            if length == 0 {
                self.ended = true;
                assert_eq!(self.raw, b"", "nothing follows the last chunk");
                return;
            }
        }
    }

    /// The next block of lines; `None` at the end of the body.
    pub async fn next_block(&mut self) -> Option<Block> {
        let end = within("a block or the end of the stream", async {
            loop {
                if let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                    return Some(end);
                }
                if self.ended {
                    assert_eq!(self.text, b"", "the stream ends inside an event");
                    return None;
                }
                self.read().await;
            }
        })
        .await?;
        let block: Vec<u8> = self.text.drain(..end + 2).collect();
        let block = String::from_utf8(block).expect("UTF-8");
        let (mut name, mut data) = (None, Vec::new());
        for line in block.lines().filter(|line| !line.is_empty()) {
            match line.split_once(": ") {
                Some(("event", value)) => name = Some(value.to_owned()),
                Some(("data", value)) => data.push(value),
                Some(("id", value)) => self.last_id = Some(value.to_owned()),
                Some(("retry", value)) => return Some(Block::Retry(value.parse().expect("ms"))),
                None if line == ":" => {
                    self.comments += 1;
                    return Some(Block::Comment);
                }
                _ => panic!("an unknown line: {line:?}"),
            }
        }
        assert!(!data.is_empty(), "an event without data: {block:?}");
        Some(Block::Event {
            name: name.unwrap_or_else(|| "message".to_owned()),
            data: data.join("\n"),
        })
    }

    /// The name and the data of the next event. Comments before it are counted.
    pub async fn next_event(&mut self) -> (String, String) {
        within("an event", async {
            loop {
                match self.next_block().await {
                    Some(Block::Event { name, data }) => return (name, data),
                    Some(Block::Comment | Block::Retry(_)) => {}
                    None => panic!("expected an event, the stream ended"),
                }
            }
        })
        .await
    }

    pub async fn next_text(&mut self) -> String {
        let (name, data) = self.next_event().await;
        assert_eq!(name, "message", "{data}");
        data
    }

    pub async fn next_json(&mut self) -> Value {
        let text = self.next_text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Expects the answers to the subscriptions to these channels next.
    pub async fn expect_subscribed(&mut self, channels: &[&str]) {
        for channel in channels {
            let answer = self.next_json().await;
            assert_eq!(answer["type"], "subscribed", "{answer}");
            assert_eq!(answer["channel"], *channel, "{answer}");
        }
    }

    /// Expects the event that announces the end, then the end. Returns the reason.
    pub async fn expect_close(&mut self, code: u16) -> String {
        let (name, data) = self.next_event().await;
        assert_eq!(name, "close", "{data}");
        let data: Value = serde_json::from_str(&data).expect("JSON");
        assert_eq!(data["code"], code, "{data}");
        assert_eq!(self.next_block().await, None, "nothing follows");
        data["reason"].as_str().expect("a reason").to_owned()
    }
}
