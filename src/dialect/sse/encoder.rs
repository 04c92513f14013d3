//! A client's frames as the text of an event stream (HTML Living Standard §9.2.6).

use super::positions::Positions;
use crate::protocol::Json;
use crate::wire::ServerFrame;

/// Text that is made at once; the frames behind it wait as they are.
const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Shortest and longest time after which a client comes back, in milliseconds: many who
/// are cut off at once do not return at once.
const RETRY_MS: (u32, u32) = (1000, 5000);
/// How the notice of a shutdown begins, and what stands before the time that it gives.
const SHUTDOWN: &[u8] = br#"{"type":"event","channel":"$system","event":"shutdown","#;
const WINDOW: &[u8] = br#""reconnect_within_ms":"#;

/// What a shard wrote, on its way to becoming lines. Bound: what a pipe holds and one
/// frame before it, one frame's text and `MAX_TEXT_BYTES` behind it.
#[derive(Debug)]
pub struct Encoder {
    /// Frames, the last of them perhaps a part.
    frames: Vec<u8>,
    text: Vec<u8>,
    ended: bool,
    /// This client's place among all, evenly spread: parts of 2³².
    spread: u32,
    positions: Positions,
}

impl Encoder {
    /// An encoder whose first words tell the client how long to wait before it comes back.
    /// `spread` is any number, best another for each client.
    pub fn new(spread: u32, positions: Positions) -> Self {
        let mut encoder = Self {
            frames: Vec::new(),
            text: Vec::new(),
            ended: false,
            spread,
            positions,
        };
        let longest = RETRY_MS.1 - RETRY_MS.0 + 1;
        encoder.write_retry(RETRY_MS.0 + encoder.part_of(longest));
        encoder
    }

    fn part_of(&self, whole: u32) -> u32 {
        ((u64::from(whole) * u64::from(self.spread)) >> 32) as u32
    }

    /// `retry` is a line of its own kind: browsers obey it without a word of the page.
    fn write_retry(&mut self, milliseconds: u32) {
        let line = format!("retry: {milliseconds}\n\n");
        self.text.extend_from_slice(line.as_bytes());
    }

    /// Where more of what a shard wrote is appended.
    pub fn frames(&mut self) -> &mut Vec<u8> {
        &mut self.frames
    }

    /// The next lines, whole events and comments; empty when more frames are needed.
    pub fn take_text(&mut self) -> Vec<u8> {
        let frames = std::mem::take(&mut self.frames);
        let mut rest = &frames[..];
        while !self.ended
            && self.text.len() < MAX_TEXT_BYTES
            && let Some((frame, behind)) = ServerFrame::split(rest)
        {
            self.write(&frame);
            rest = behind;
        }
        // An idle client's frames are all used up, and then it owns no memory for them.
        self.frames = rest.to_vec();
        std::mem::take(&mut self.text)
    }

    /// Whether the last event is out.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    fn write(&mut self, frame: &ServerFrame<'_>) {
        match frame {
            ServerFrame::Message(json) => {
                self.write_data(json);
                if let Some(window) = reconnect_window(json) {
                    self.write_retry(self.part_of(window));
                }
            }
            ServerFrame::Ping => self.text.extend_from_slice(b":\n\n"),
            ServerFrame::Close(close) => {
                let (code, reason) = close
                    .as_ref()
                    .map_or((1005, ""), |close| (close.code, close.reason));
                let reason = Json::from(reason);
                let data = format!(
                    "event: close\ndata: {{\"code\":{code},\"reason\":{}}}\n\n",
                    reason.as_str()
                );
                self.text.extend_from_slice(data.as_bytes());
                self.ended = true;
            }
            ServerFrame::Other => {}
        }
    }

    /// JSON as it is encoded here has no line breaks; white space between its parts could.
    fn write_data(&mut self, json: &[u8]) {
        if self.positions.note(json) {
            self.text.extend_from_slice(b"id: ");
            self.positions.write_id(&mut self.text);
            self.text.push(b'\n');
        }
        for line in json.split(|byte| matches!(byte, b'\n' | b'\r')) {
            self.text.extend_from_slice(b"data: ");
            self.text.extend_from_slice(line);
            self.text.push(b'\n');
        }
        self.text.push(b'\n');
    }
}

/// The time over which the notice of a shutdown spreads the clients' return.
fn reconnect_window(json: &[u8]) -> Option<u32> {
    let notice = json.strip_prefix(SHUTDOWN)?;
    let at = notice
        .windows(WINDOW.len())
        .rposition(|part| part == WINDOW)?;
    let digits = &notice[at + WINDOW.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ChannelName;
    use crate::wire::Frame;

    fn encoder(spread: u32) -> Encoder {
        let channels = [ChannelName::new("news").unwrap()];
        Encoder::new(spread, Positions::new(&channels, None).0)
    }

    fn encoded(encoder: &mut Encoder, frames: &[Frame]) -> String {
        for frame in frames {
            frame.copy_to(encoder.frames());
        }
        String::from_utf8(encoder.take_text()).unwrap()
    }

    #[test]
    fn each_frame_becomes_its_lines() {
        let mut encoder = encoder(1 << 31);
        let frames = [
            Frame::text(r#"{"type":"pong"}"#.into()),
            Frame::ping(),
            Frame::text(r#"{"type":"subscribed","channel":"news","offset":9,"epoch":"e"}"#.into()),
            Frame::text("[1,\r\n2]".into()),
            Frame::close(1013, "slow \"consumer\""),
            Frame::text("never".into()),
        ];
        assert_eq!(
            encoded(&mut encoder, &frames),
            "retry: 3000\n\n\
             data: {\"type\":\"pong\"}\n\n\
             :\n\n\
             id: e.W7qgOoBv9\ndata: {\"type\":\"subscribed\",\"channel\":\"news\",\"offset\":9,\"epoch\":\"e\"}\n\n\
             data: [1,\ndata: \ndata: 2]\n\n\
             event: close\ndata: {\"code\":1013,\"reason\":\"slow \\\"consumer\\\"\"}\n\n"
        );
        assert!(encoder.has_ended());
        assert_eq!(encoded(&mut encoder, &[]), "");
    }

    #[test]
    fn a_client_is_told_when_to_come_back_each_its_own_time() {
        let first = |spread| String::from_utf8(encoder(spread).take_text()).unwrap();
        assert_eq!(first(0), "retry: 1000\n\n");
        assert_eq!(first(u32::MAX), "retry: 5000\n\n");
        let mut encoder = encoder(1 << 30);
        encoder.take_text();
        let notice = r#"{"type":"event","channel":"$system","event":"shutdown","data":{"id":"evt_1","reconnect_within_ms":20000}}"#;
        let frame = Frame::text(notice.into());
        assert_eq!(
            encoded(&mut encoder, &[frame]),
            format!("data: {notice}\n\nretry: 5000\n\n")
        );
        // Nobody but the server says so.
        let others = notice.replace("$system", "news");
        let frame = Frame::text(others.as_str().into());
        assert_eq!(
            encoded(&mut encoder, &[frame]),
            format!("data: {others}\n\n")
        );
    }

    #[test]
    fn a_frame_that_comes_in_parts_is_one_event() {
        let mut encoder = encoder(1);
        encoder.take_text();
        let mut bytes = Vec::new();
        Frame::text("abc".into()).copy_to(&mut bytes);
        for &byte in &bytes[..bytes.len() - 1] {
            encoder.frames().push(byte);
            assert_eq!(encoder.take_text(), b"");
        }
        encoder.frames().push(b'c');
        assert_eq!(encoder.take_text(), b"data: abc\n\n");
        assert_eq!(encoder.frames().capacity(), 0, "idle, it owns nothing");
    }

    #[test]
    fn much_at_once_is_made_in_parts_that_are_bounded() {
        let mut encoder = encoder(1);
        encoder.take_text();
        let frame = Frame::text("x".repeat(1000).into());
        for _ in 0..100 {
            frame.copy_to(encoder.frames());
        }
        let mut events = 0;
        loop {
            let text = encoder.take_text();
            if text.is_empty() {
                break;
            }
            assert!(text.len() < MAX_TEXT_BYTES + 1100);
            events += text.len() / 1008;
        }
        assert_eq!(events, 100);
    }
}
