//! A blocking HTTP/1.1 client with one keep-alive connection. Blocking, because a publisher is a thread that waits for
//! each response.

use super::tcp_link::TcpLink;
use crate::base::target::Target;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};
use thiserror::Error;

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Why there is no response.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    /// No byte of the request was sent.
    #[error("api connect: {0}")]
    NotSent(io::ErrorKind),
    /// Some or all of the request was sent, so the server may have acted on it.
    #[error("api response lost: {0}")]
    ReplyLost(io::ErrorKind),
}

const MAX_REPLY: usize = 1024 * 1024;

/// Connects on first use, and again after an error.
#[derive(Debug)]
pub(crate) struct HttpClient {
    target: Target,
    /// Header lines of every request, each with its end.
    headers: String,
    timeout: Duration,
    stream: Option<TcpLink>,
    request: Vec<u8>,
    reply: Vec<u8>,
}

impl HttpClient {
    /// `timeout` limits connecting and, separately, the wait for each response.
    pub(crate) fn new(target: Target, timeout: Duration) -> Self {
        Self {
            target,
            headers: "Content-Type: application/json\r\n".to_owned(),
            timeout,
            stream: None,
            request: Vec::new(),
            reply: Vec::new(),
        }
    }

    /// Sends these header lines, each with its end, with every request.
    pub(crate) fn with_headers(mut self, headers: &str) -> Self {
        if headers.to_ascii_lowercase().contains("content-type:") {
            self.headers.clear();
        }
        self.headers.push_str(headers);
        self
    }

    /// Connects now, so that the first request need not.
    pub(crate) fn connect(&mut self) -> io::Result<()> {
        if self.stream.is_none() {
            self.stream = Some(TcpLink::connect(&self.target, self.timeout)?);
        }
        Ok(())
    }

    /// Sends a request with a JSON body, which may be empty, and waits for the response.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Reply, RequestError> {
        self.connect()
            .map_err(|error| RequestError::NotSent(error.kind()))?;
        self.request.clear();
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{}Content-Length: {}\r\n\r\n",
            self.target.host,
            self.headers,
            body.len()
        )
        .expect("writing to a Vec cannot fail");
        self.request.extend_from_slice(body);
        let result = self.exchange();
        if result.is_err() {
            self.stream = None;
        }
        result.map_err(|error| RequestError::ReplyLost(error.kind()))
    }

    fn exchange(&mut self) -> io::Result<Reply> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(&self.request)?;
        let deadline = Instant::now() + self.timeout;
        self.reply.clear();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            stream.socket().set_read_timeout(Some(left))?;
            let mut chunk = [0; 4096];
            let length = match stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(error) => return Err(error),
            };
            self.reply.extend_from_slice(&chunk[..length]);
            if let Some((reply, keep)) = parse(&self.reply)? {
                if !keep {
                    self.stream = None;
                }
                return Ok(reply);
            }
            if self.reply.len() > MAX_REPLY {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }
}

/// The response, and whether the connection can be reused. `None` while the response is incomplete.
fn parse(bytes: &[u8]) -> io::Result<Option<(Reply, bool)>> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(invalid()),
    };
    let header = |name: &str| {
        response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let body = if header("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        match unchunk(&bytes[head..]) {
            Some(body) => body?,
            None => return Ok(None),
        }
    } else {
        let length: usize = header("content-length")
            .map_or(Ok(0), str::parse)
            .map_err(|_| invalid())?;
        match bytes[head..].get(..length) {
            Some(body) => body.to_vec(),
            None => return Ok(None),
        }
    };
    let keep = !header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
    let status = response.code.ok_or_else(invalid)?;
    Ok(Some((Reply { status, body }, keep)))
}

/// Decodes a chunked body (RFC 9112 §7.1). `None` while it is incomplete.
fn unchunk(mut bytes: &[u8]) -> Option<io::Result<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let end = memchr::memmem::find(bytes, b"\r\n")?;
        let size = std::str::from_utf8(&bytes[..end]).unwrap_or_default();
        let size = size.split_once(';').map_or(size, |(size, _)| size).trim();
        let Some(size) = usize::from_str_radix(size, 16)
            .ok()
            .filter(|size| *size <= MAX_REPLY)
        else {
            return Some(Err(io::ErrorKind::InvalidData.into()));
        };
        let chunk = bytes.get(end + 2..end + 2 + size + 2)?;
        if size == 0 {
            return Some(Ok(body));
        }
        body.extend_from_slice(&chunk[..size]);
        bytes = &bytes[end + 4 + size..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_the_whole_body() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert!(parse(&whole[..20]).expect("valid").is_none());
        assert!(parse(&whole[..whole.len() - 1]).expect("valid").is_none());
        let (reply, keep) = parse(whole).expect("valid").expect("complete");
        assert_eq!(
            (reply.status, reply.body.as_slice(), keep),
            (200, &b"hello"[..], true)
        );
        let close = b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        assert!(matches!(parse(close), Ok(Some((_, false)))));
    }

    #[test]
    fn joins_chunks() {
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let (reply, _) = parse(chunked).expect("valid").expect("complete");
        assert_eq!(reply.body, b"abcde");
        assert!(
            parse(&chunked[..chunked.len() - 4])
                .expect("valid")
                .is_none()
        );
    }
}
