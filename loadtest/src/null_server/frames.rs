//! The frames that the null server sends.

use std::rc::Rc;

/// Encodes an unfragmented, unmasked frame.
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

pub(super) fn gap_frame(channel: &[u8], offset: Option<u64>) -> Rc<[u8]> {
    let name = String::from_utf8_lossy(channel);
    let place = offset.map_or_else(String::new, |n| format!(r#","from":{n},"to":{n}"#));
    let text = format!(r#"{{"type":"gap","channel":"{name}","missed":1{place}}}"#);
    server_frame(0x1, text.as_bytes())
}

pub(super) fn error_frame(code: &str) -> Rc<[u8]> {
    let text = format!(r#"{{"type":"error","code":"{code}","message":"no"}}"#);
    server_frame(0x1, text.as_bytes())
}
