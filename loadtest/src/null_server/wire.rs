//! The bytes of the null server: request heads, server frames, client frames.

use std::io;
use std::rc::Rc;

/// Length of the head, `Sec-WebSocket-Key`, length of the body, and whether it is a POST.
pub(super) fn parse_head(bytes: &[u8]) -> Option<(usize, Option<String>, usize, bool)> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(head)) = request.parse(bytes) else {
        return None;
    };
    let header = |name: &str| {
        let found = request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        String::from_utf8(found.value.to_vec()).ok()
    };
    let length = header("content-length").and_then(|length| length.parse().ok());
    let is_post = request.method == Some("POST");
    Some((
        head,
        header("sec-websocket-key"),
        length.unwrap_or(0),
        is_post,
    ))
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

/// Opcode, unmasked payload and length of the first frame; short frames only, and only masked ones.
pub(super) fn client_frame(bytes: &[u8]) -> io::Result<Option<(u8, Vec<u8>, usize)>> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if second & 0x80 == 0 || second & 0x7F > 125 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let length = usize::from(second & 0x7F);
    let Some((mask, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let Some(payload) = rest.get(..length) else {
        return Ok(None);
    };
    let payload = payload.iter().zip(mask.iter().cycle());
    Ok(Some((
        first & 0x0F,
        payload.map(|(byte, mask)| byte ^ mask).collect(),
        6 + length,
    )))
}
