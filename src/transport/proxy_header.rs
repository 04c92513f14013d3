//! The PROXY header, with which a proxy says from where a connection comes
//! ([versions 1 and 2](https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt)).

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use ppp::v1;
use ppp::v2::{self, PROTOCOL_PREFIX as SIGNATURE};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a proxy may take for the header.
pub const PROXY_HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum size of a header.
const MAX_BYTES: usize = 536;
/// Maximum size of one of version 1.
const MAX_TEXT_BYTES: usize = 107;
/// What precedes the addresses of version 2.
const BINARY_HEAD: usize = 16;
const TEXT_START: &[u8] = b"PROXY ";
const TEXT_UNKNOWN: &[u8] = b"PROXY UNKNOWN";

/// Reads the header with which a connection has to begin, and nothing behind it. Returns the address of
/// the client; `None` if the proxy speaks for itself, or does not know it.
///
/// Errors: it does not begin with one, or not within [`PROXY_HEADER_TIMEOUT`]. The text is never
/// guessed.
/// Cancel safety: not cancel safe; what was read is lost.
pub async fn read_proxy_header(
    stream: &mut TcpStream,
    patience: Duration,
) -> io::Result<Option<SocketAddr>> {
    let read = timeout(patience, read(stream)).await;
    read.unwrap_or_else(|_elapsed| Err(ErrorKind::TimedOut.into()))
}

async fn read(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut header = [0; MAX_BYTES];
    // Every header has at least this many bytes.
    let mut length = SIGNATURE.len();
    // Not all at once: the first byte may already show that it is none.
    let mut read = 0;
    while read < length {
        let count = stream.read(&mut header[read..length]).await?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        read += count;
        if !SIGNATURE.starts_with(&header[..read]) && !is_text(&header[..read]) {
            return Err(invalid());
        }
    }
    if header.starts_with(SIGNATURE) {
        stream.read_exact(&mut header[length..BINARY_HEAD]).await?;
        length = BINARY_HEAD + usize::from(u16::from_be_bytes([header[14], header[15]]));
        let rest = header.get_mut(BINARY_HEAD..length).ok_or_else(invalid)?;
        stream.read_exact(rest).await?;
        return binary(&header[..length]);
    }
    while header[length - 1] != b'\n' {
        // What is behind the header stays in the socket.
        let room = &mut header[length..MAX_TEXT_BYTES];
        if room.is_empty() {
            return Err(invalid());
        }
        let arrived = stream.peek(room).await?;
        let end = room[..arrived].iter().position(|&byte| byte == b'\n');
        let count = end.map_or(arrived, |at| at + 1);
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        stream.read_exact(&mut room[..count]).await?;
        length += count;
    }
    text(&header[..length])
}

fn is_text(start: &[u8]) -> bool {
    let common = start.len().min(TEXT_START.len());
    start[..common] == TEXT_START[..common]
}

fn binary(header: &[u8]) -> io::Result<Option<SocketAddr>> {
    /// Version 2, for the proxy itself. The rest says nothing then.
    const LOCAL: u8 = 0x20;
    if header[12] == LOCAL {
        return Ok(None);
    }
    let header = v2::Header::try_from(header).map_err(|_| invalid())?;
    Ok(match header.addresses {
        v2::Addresses::IPv4(v4) => Some((v4.source_address, v4.source_port).into()),
        v2::Addresses::IPv6(v6) => Some((v6.source_address, v6.source_port).into()),
        v2::Addresses::Unspecified | v2::Addresses::Unix(_) => None,
    })
}

fn text(header: &[u8]) -> io::Result<Option<SocketAddr>> {
    let line = header.strip_suffix(b"\r\n").ok_or_else(invalid)?;
    if let Some(rest) = line.strip_prefix(TEXT_UNKNOWN)
        && (rest.is_empty() || rest[0] == b' ')
    {
        return Ok(None);
    }
    let header = v1::Header::try_from(header).map_err(|_| invalid())?;
    Ok(match header.addresses {
        v1::Addresses::Tcp4(v4) => Some((v4.source_address, v4.source_port).into()),
        v1::Addresses::Tcp6(v6) => Some((v6.source_address, v6.source_port).into()),
        v1::Addresses::Unknown => None,
    })
}

fn invalid() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "not a PROXY header")
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        (accepted.unwrap().0, peer.unwrap())
    }

    /// What is read from these bytes, sent in pieces, and what is left of `GET` behind them.
    async fn read_all(header: &[u8], piece: usize) -> Result<Option<String>, ErrorKind> {
        let (mut stream, mut peer) = pair().await;
        let mut all = header.to_vec();
        all.extend_from_slice(b"GET");
        let sending = async {
            for piece in all.chunks(piece) {
                peer.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let reading = read_proxy_header(&mut stream, PATIENCE);
        let ((), read) = tokio::join!(sending, reading);
        let address = read.map_err(|error| error.kind())?;
        let mut rest = [0; 3];
        timeout(PATIENCE, stream.read_exact(&mut rest))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&rest, b"GET");
        Ok(address.map(|address| address.to_string()))
    }

    fn binary_header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        header.extend([command, family]);
        header.extend((body.len() as u16).to_be_bytes());
        header.extend(body);
        header
    }

    const V4: [u8; 12] = [203, 0, 113, 9, 10, 0, 0, 1, 0x30, 0x39, 0, 80];

    #[tokio::test]
    async fn the_header_is_read_and_nothing_behind_it_however_it_arrives() {
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
        v6[15] = 7;
        v6[33] = 80;
        let with_tlvs = [&V4[..], &[0xee; 500]].concat();
        for (header, expected) in [
            (
                b"PROXY TCP4 203.0.113.9 10.0.0.1 12345 80\r\n".to_vec(),
                Some("203.0.113.9:12345"),
            ),
            (
                b"PROXY TCP6 2001:db8::7 ::1 80 80\r\n".to_vec(),
                Some("[2001:db8::7]:80"),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (
                b"PROXY UNKNOWN any thing at all up to the end of its line\r\n".to_vec(),
                None,
            ),
            (binary_header(0x21, 0x11, &V4), Some("203.0.113.9:12345")),
            (binary_header(0x21, 0x21, &v6), Some("[2001:db8::7]:80")),
            (
                binary_header(0x21, 0x11, &with_tlvs),
                Some("203.0.113.9:12345"),
            ),
            (binary_header(0x20, 0x00, &[]), None),
            (binary_header(0x20, 0x11, &[]), None),
            (binary_header(0x20, 0x11, &V4), None),
            (binary_header(0x21, 0x00, &[]), None),
            (binary_header(0x21, 0x31, &[0; 216]), None),
        ] {
            for piece in [1, 7, 600] {
                let read = read_all(&header, piece).await;
                assert_eq!(read, Ok(expected.map(str::to_owned)), "{header:x?}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused_without_waiting_for_more() {
        for header in [
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            b"\x16\x03\x01\x02\x00".to_vec(),
            b"PROXY TCP4 203.0.113.9\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.9 10.0.0.1 12345 80\n".to_vec(),
            b"PROXY TCP4 203.0.113.999 10.0.0.1 12345 80\r\n".to_vec(),
            b"PROXY UNKNOWNX\r\n".to_vec(),
            b"PROXY UDP4 203.0.113.9 10.0.0.1 1 2\r\n".to_vec(),
            [&b"PROXY UNKNOWN "[..], &[b'x'; 200]].concat(),
            binary_header(0x21, 0x11, &[0; 521]),
            binary_header(0x21, 0x11, &V4[..11]),
            binary_header(0x11, 0x11, &V4),
            binary_header(0x22, 0x11, &V4),
            binary_header(0x21, 0x41, &V4),
            b"\r\n\r\n\0\r\nQUIX\n".to_vec(),
        ] {
            for piece in [1, 600] {
                let read = read_all(&header, piece).await;
                assert_eq!(read, Err(ErrorKind::InvalidData), "{header:x?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_has_five_seconds_for_its_header() {
        let (mut stream, mut peer) = pair().await;
        peer.write_all(b"PROXY TCP4 203.0").await.unwrap();
        let read = read_proxy_header(&mut stream, PROXY_HEADER_TIMEOUT).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
        let (mut stream, peer) = pair().await;
        drop(peer);
        let read = read_proxy_header(&mut stream, PROXY_HEADER_TIMEOUT).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
