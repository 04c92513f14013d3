//! A publisher that streams lines to `POST /api/events/stream`, by hand.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::http::{dial, read_head};
use super::patience::within;

/// A request whose body goes on, and its response.
#[derive(Debug)]
pub struct EventLines {
    pub stream: TcpStream,
    /// Bytes of the response that are not decoded yet.
    raw: Vec<u8>,
    /// Decoded bytes of the response's body that were not taken yet.
    body: Vec<u8>,
    has_ended: bool,
}

impl EventLines {
    /// Begins a request, with this query and no line. The response's head must come at once.
    pub async fn open(address: SocketAddr, query: &str) -> Self {
        Self::over(dial(address).await, query).await
    }

    /// The same on a connection that is open already.
    pub async fn over(mut stream: TcpStream, query: &str) -> Self {
        let head = format!(
            "POST /api/events/stream{query} HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let sent = within(
            "a socket that takes bytes",
            stream.write_all(head.as_bytes()),
        )
        .await;
        sent.expect("send");
        let mut lines = Self::begun(stream);
        lines.expect_head().await;
        lines
    }

    /// A request that was sent.
    pub fn begun(stream: TcpStream) -> Self {
        Self {
            stream,
            raw: Vec::new(),
            body: Vec::new(),
            has_ended: false,
        }
    }

    pub async fn expect_head(&mut self) {
        assert_eq!(
            read_head(&mut self.stream).await,
            "HTTP/1.1 200 OK\r\n\
             content-type: application/x-ndjson\r\n\
             cache-control: no-store, no-transform\r\n\
             x-accel-buffering: no\r\n\
             transfer-encoding: chunked\r\n",
            "(without the date)"
        );
    }

    /// Sends a part of the body, which need not be a whole line.
    pub async fn send(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let head = format!("{:x}\r\n", text.len());
        let chunk = [head.as_bytes(), text, b"\r\n"].concat();
        let sent = within("a socket that takes bytes", self.stream.write_all(&chunk)).await;
        sent.expect("send");
    }

    /// Sends an event on a line of its own.
    pub async fn send_event(&mut self, event: &Value) {
        self.send(format!("{event}\n")).await;
    }

    /// Ends the body.
    pub async fn finish(&mut self) {
        let end = b"0\r\n\r\n";
        let sent = within("a socket that takes bytes", self.stream.write_all(end)).await;
        sent.expect("send");
    }

    /// The next line of the answer; `None` at its end.
    pub async fn try_next(&mut self) -> Option<Value> {
        within("a line or the end", async {
            loop {
                if let Some(end) = self.body.iter().position(|&byte| byte == b'\n') {
                    let line: Vec<u8> = self.body.drain(..=end).collect();
                    return Some(serde_json::from_slice(&line).expect("JSON"));
                }
                if self.has_ended {
                    assert_eq!(self.body, b"", "the response ends inside a line");
                    return None;
                }
                if !self.decode_chunk() {
                    let read = self.stream.read_buf(&mut self.raw).await;
                    assert_ne!(read.expect("a response"), 0, "the response is cut off");
                }
            }
        })
        .await
    }

    /// The next line of the answer.
    pub async fn next(&mut self) -> Value {
        self.try_next().await.expect("a line, not the end")
    }

    /// Expects that the next event was refused. Returns the detail.
    pub async fn expect_refused(&mut self, line: u64, code: &str) -> String {
        let answer = self.next().await;
        assert_eq!(answer["error"]["code"], code, "{answer}");
        assert_eq!(answer["error"]["line"], line, "{answer}");
        let detail = answer["error"]["detail"].as_str();
        detail.expect("a detail").to_owned()
    }

    /// Expects that the next event was published, to this many subscribers.
    pub async fn expect_published(&mut self, subscribers: u64) {
        let answer = self.next().await;
        assert_eq!(answer["subscribers"], subscribers, "{answer}");
    }

    /// Expects the orderly end of the answer.
    pub async fn expect_end(&mut self) {
        assert_eq!(self.try_next().await, None);
    }

    fn decode_chunk(&mut self) -> bool {
        let Some(end) = self.raw.windows(2).position(|two| two == b"\r\n") else {
            return false;
        };
        let length = str::from_utf8(&self.raw[..end]).expect("a length");
        let length = usize::from_str_radix(length, 16).expect("a length");
        let (start, end) = (end + 2, end + 2 + length);
        if self.raw.len() < end + 2 {
            return false;
        }
        self.body.extend_from_slice(&self.raw[start..end]);
        self.raw.drain(..end + 2);
        self.has_ended = length == 0;
        true
    }
}
