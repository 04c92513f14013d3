//! The bytes of the null server: request heads and server frames.

use std::rc::Rc;

/// What stands in the head of a request.
#[derive(Debug)]
pub(super) struct Head {
    /// Of the head itself.
    pub(super) length: usize,
    pub(super) body_length: usize,
    /// `Sec-WebSocket-Key`.
    pub(super) key: Option<String>,
    pub(super) is_post: bool,
    pub(super) path: String,
}

/// The head at the beginning of `bytes`, when it is complete.
pub(super) fn parse_head(bytes: &[u8]) -> Option<Head> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = request.parse(bytes) else {
        return None;
    };
    let header = |name: &str| {
        let found = request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        String::from_utf8(found.value.to_vec()).ok()
    };
    let body_length = header("content-length").and_then(|length| length.parse().ok());
    Some(Head {
        length,
        body_length: body_length.unwrap_or(0),
        key: header("sec-websocket-key"),
        is_post: request.method == Some("POST"),
        path: request.path.unwrap_or_default().to_owned(),
    })
}

pub(super) fn server_frame(opcode: u8, payload: &[u8]) -> Rc<[u8]> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        n @ 0..=125 => frame.push(n as u8),
        n @ 126..=0xFFFF => {
            frame.push(126);
            frame.extend_from_slice(&(n as u16).to_be_bytes());
        }
        n => {
            frame.push(127);
            frame.extend_from_slice(&(n as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame.into()
}

pub(super) fn close_frame(code: u16, reason: &str) -> Rc<[u8]> {
    server_frame(0x8, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}
