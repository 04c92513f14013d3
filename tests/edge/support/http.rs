//! Sockets, and HTTP/1.1 by hand.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::patience::within;

/// A connected socket on which nothing was sent.
pub async fn dial(address: SocketAddr) -> TcpStream {
    let connected = within("a TCP connection", TcpStream::connect(address)).await;
    connected.expect("connect")
}

/// The same, with a receive buffer so small that the server soon finds the socket full when
/// nobody reads from it.
pub async fn dial_with_small_buffer(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("set SO_RCVBUF");
    let connected = within("a TCP connection", socket.connect(address)).await;
    connected.expect("connect")
}

#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    /// The status line and the header lines, as the server wrote them.
    pub head: String,
    pub body: String,
}

impl Response {
    pub fn parse(text: &str) -> Self {
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

    /// The value of a header that occurs at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.head.lines().filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        });
        let value = values.next();
        assert_eq!(values.next(), None, "{name} occurs twice: {}", self.head);
        value
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// Expects a problem document (RFC 9457) with this status and code; returns its detail.
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

/// Sends these bytes on a new connection and reads the answer up to the end of the stream.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Response {
    let mut stream = dial(address).await;
    let mut answer = Vec::new();
    within("an HTTP response", async {
        // A server that refuses early may not read the whole request.
        let _ = stream.write_all(request).await;
        let _ = stream.read_to_end(&mut answer).await;
    })
    .await;
    Response::parse(std::str::from_utf8(&answer).expect("UTF-8"))
}

/// A POST with these header lines and this body, as they are.
pub async fn post_text(address: SocketAddr, path: &str, headers: &str, body: &str) -> Response {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         {headers}Content-Length: {length}\r\n\r\n{body}"
    );
    exchange(address, request.as_bytes()).await
}

/// One request, with a JSON body or without a body.
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

/// Reads the head of a response and not a byte more. The `Date` line is left out.
pub async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    within("the head of a response", async {
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(error) => panic!("{error} in the head of a response: {head:?}"),
            }
        }
    })
    .await;
    let head = String::from_utf8(head).expect("UTF-8");
    let lines = head.lines().filter(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with("date:"));
    lines.flat_map(|line| [line, "\r\n"]).collect()
}

/// Reads one response with a `Content-Length`, and not a byte more.
pub async fn read_response(stream: &mut (impl AsyncRead + Unpin)) -> Response {
    let head = read_head(stream).await;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap_or_else(|| panic!("no length: {head}"));
    let mut body = vec![0; length.parse().expect("a number")];
    let read = within("a body", stream.read_exact(&mut body)).await;
    read.expect("a body");
    Response::parse(&format!(
        "{head}\r\n{}",
        String::from_utf8(body).expect("UTF-8")
    ))
}

/// Expects that the server ends the connection without another byte.
pub async fn expect_end(stream: &mut (impl AsyncRead + Unpin)) {
    let mut rest = Vec::new();
    let end = within("the end of the connection", stream.read_to_end(&mut rest)).await;
    end.expect("an end that is not a reset");
    assert_eq!(String::from_utf8_lossy(&rest), "");
}
