//! A client of an event stream: HTTP and lines by hand.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::http::read_head;
use super::within;

/// What stands between two empty lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// `event:` (or `message`) and the lines of `data:`.
    Event {
        name: String,
        data: String,
    },
    Comment,
    Retry(u64),
}

/// A reader of one event stream that knows HTTP/1.1's chunks.
#[derive(Debug)]
pub struct EventSource {
    stream: TcpStream,
    pub head: String,
    /// Bytes of the body as they came; of each chunk that is not whole yet, too.
    raw: Vec<u8>,
    text: Vec<u8>,
    chunked: bool,
    ended: bool,
    /// The last `id:`, as a browser would send it back.
    pub last_id: Option<String>,
    pub comments: usize,
}

impl EventSource {
    /// Opens a stream and reads its head and the time after which to come back.
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self::open_with(address, path, "").await
    }

    /// The same, with more header lines.
    pub async fn open_with(address: SocketAddr, path: &str, headers: &str) -> Self {
        let stream = within("a TCP connection", TcpStream::connect(address)).await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let mut source = Self::over(stream.expect("connect"), &request).await;
        let retry = source.next_block().await;
        assert!(
            matches!(retry, Some(Block::Retry(1000..=5000))),
            "a client is told when to come back: {retry:?}"
        );
        source
    }

    /// Sends a request and reads the head of a stream.
    pub async fn over(mut stream: TcpStream, request: &str) -> Self {
        stream.write_all(request.as_bytes()).await.expect("send");
        let head = within("the head of a stream", read_head(&mut stream)).await;
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

    /// Reads once, or notes the end.
    async fn read(&mut self) {
        let read = self.stream.read_buf(&mut self.raw);
        if within("an event or the end of the stream", read)
            .await
            .unwrap_or(0)
            == 0
        {
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
            assert_eq!(&self.raw[end..end + 2], b"\r\n", "a chunk's end");
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
        let end = loop {
            if let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                break end;
            }
            if self.ended {
                assert_eq!(self.text, b"", "the stream ends inside an event");
                return None;
            }
            self.read().await;
        };
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
                _ => panic!("a line that means nothing: {line:?}"),
            }
        }
        assert!(!data.is_empty(), "an event without data: {block:?}");
        Some(Block::Event {
            name: name.unwrap_or_else(|| "message".to_owned()),
            data: data.join("\n"),
        })
    }

    /// The next event's name and data; comments before it are counted.
    pub async fn next_event(&mut self) -> (String, String) {
        loop {
            match self.next_block().await {
                Some(Block::Event { name, data }) => return (name, data),
                Some(Block::Comment | Block::Retry(_)) => {}
                None => panic!("expected an event, the stream ended"),
            }
        }
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

    /// Expects to be told of these channels next.
    pub async fn expect_subscribed(&mut self, channels: &[&str]) {
        for channel in channels {
            let told = self.next_json().await;
            assert_eq!(told["type"], "subscribed", "{told}");
            assert_eq!(told["channel"], *channel, "{told}");
        }
    }

    /// Expects the event that ends a stream, and the end, in order. Returns the reason.
    pub async fn expect_close(&mut self, code: u16) -> String {
        let (name, data) = self.next_event().await;
        assert_eq!(name, "close", "{data}");
        let data: Value = serde_json::from_str(&data).expect("JSON");
        assert_eq!(data["code"], code, "{data}");
        assert_eq!(self.next_block().await, None, "nothing follows");
        data["reason"].as_str().expect("a reason").to_owned()
    }
}
