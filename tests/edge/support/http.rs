//! HTTP/1.1 by hand.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::within;

#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    /// Status line and header lines, names in lower case as the server writes them.
    pub head: String,
    pub body: String,
}

impl Response {
    fn parse(text: &str) -> Self {
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no HTTP response: {text:?}"));
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        Self {
            status: status.unwrap_or_else(|| panic!("no status: {head:?}")),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// The value of a header that is there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.head.lines().filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        });
        let value = values.next();
        assert_eq!(values.next(), None, "{name} twice: {}", self.head);
        value
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Checks that this is a problem (RFC 9457) of this status and code; returns its detail.
    pub fn expect_problem(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["type"], format!("urn:wavecast:problem:{code}"));
        assert!(problem["title"].is_string(), "{problem}");
        problem["detail"].as_str().expect("a detail").to_owned()
    }
}

/// Sends literal bytes on a new connection and reads to its end.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Response {
    let mut stream = within("a TCP connection", TcpStream::connect(address))
        .await
        .expect("connect");
    let mut answer = Vec::new();
    within("an HTTP response", async {
        // A server that refuses early may not read all of it.
        let _ = stream.write_all(request).await;
        let _ = stream.read_to_end(&mut answer).await;
    })
    .await;
    Response::parse(std::str::from_utf8(&answer).expect("UTF-8"))
}

/// A POST with these header lines and this body, whatever they are.
pub async fn post_text(address: SocketAddr, path: &str, headers: &str, body: &str) -> Response {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         {headers}Content-Length: {length}\r\n\r\n{body}"
    );
    exchange(address, request.as_bytes()).await
}

/// One request with a JSON body, or none.
pub async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Response {
    let (media_type, body) = match body {
        Some(body) => ("Content-Type: application/json\r\n", body.to_string()),
        None => ("", String::new()),
    };
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         {media_type}Content-Length: {length}\r\n\r\n{body}"
    );
    exchange(address, text.as_bytes()).await
}

/// Reads a response's head and not a byte more; the `Date` line is left out.
pub async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) => panic!("{error} in the head of a response: {head:?}"),
        }
    }
    let head = String::from_utf8(head).expect("UTF-8");
    let lines = head.lines().filter(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with("date:"));
    lines.flat_map(|line| [line, "\r\n"]).collect()
}
