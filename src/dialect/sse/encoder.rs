//! Encodes a client's frames as the text of an event stream
//! ([HTML Living Standard §9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html)).

use super::positions::Positions;
use crate::protocol::Json;
use crate::wire::ServerFrame;

/// A chunk of text is complete once it has at least this size. Frames that follow are not
/// encoded yet.
const MIN_FULL_CHUNK_BYTES: usize = 16 * 1024;
/// Range of the reconnection time, in milliseconds. Each client gets its own, so that clients
/// which are disconnected together do not all reconnect together.
const RETRY_MS: (u32, u32) = (1000, 5000);
/// How the shutdown notice begins, and the key of the reconnect window in it.
const SHUTDOWN: &[u8] = br#"{"type":"event","channel":"$system","event":"shutdown","#;
const WINDOW: &[u8] = br#""reconnect_within_ms":"#;

/// Encodes the frames that a shard writes as an event stream.
///
/// Bound: holds at most the content of a pipe and one incomplete frame. A chunk of text
/// has at most 16 KiB plus the text of one frame.
#[derive(Debug)]
pub struct Encoder {
    /// Frames to encode, of which the last may be incomplete.
    frames: Vec<u8>,
    text: Vec<u8>,
    ended: bool,
    /// This client's position in any range of reconnection times, in units of 2⁻³².
    jitter: u32,
    positions: Positions,
}

impl Encoder {
    /// An encoder whose first chunk tells the client its reconnection time. `jitter` should be
    /// random, and different for each client.
    pub fn new(jitter: u32, positions: Positions) -> Self {
        let mut encoder = Self {
            frames: Vec::new(),
            text: Vec::new(),
            ended: false,
            jitter,
            positions,
        };
        let range = RETRY_MS.1 - RETRY_MS.0 + 1;
        encoder.write_retry(RETRY_MS.0 + encoder.jittered(range));
        encoder
    }

    /// This client's share of `max`: from 0 to below `max`.
    fn jittered(&self, max: u32) -> u32 {
        ((u64::from(max) * u64::from(self.jitter)) >> 32) as u32
    }

    /// Writes a `retry` field, which browsers obey without any code in the page.
    fn write_retry(&mut self, milliseconds: u32) {
        let line = format!("retry: {milliseconds}\n\n");
        self.text.extend_from_slice(line.as_bytes());
    }

    /// The buffer to which the bytes that a shard writes are to be appended.
    pub fn frames_mut(&mut self) -> &mut Vec<u8> {
        &mut self.frames
    }

    /// Encodes the next chunk of complete events and comments. It is empty if more frames are
    /// needed.
    pub fn next_chunk(&mut self) -> Vec<u8> {
        let frames = std::mem::take(&mut self.frames);
        let mut rest = &frames[..];
        while !self.ended
            && self.text.len() < MIN_FULL_CHUNK_BYTES
            && let Some((frame, remaining)) = ServerFrame::split(rest)
        {
            self.write(&frame);
            rest = remaining;
        }
        // Copied, so that an idle client, all of whose frames are encoded, owns no memory here.
        self.frames = rest.to_vec();
        std::mem::take(&mut self.text)
    }

    /// Whether the last event has been encoded.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    fn write(&mut self, frame: &ServerFrame<'_>) {
        match frame {
            ServerFrame::Message(json) => {
                self.write_data(json);
                if let Some(window) = reconnect_window(json) {
                    self.write_retry(self.jittered(window));
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
            ServerFrame::Ignored => {}
        }
    }

    /// Writes a message, with an id if it moves a position. The server's own encoding has no
    /// line breaks, but white space between tokens could contain some.
    fn write_data(&mut self, json: &[u8]) {
        if self.positions.update(json) {
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

/// The reconnect window in milliseconds, if the message is the shutdown notice.
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

    fn encoder(jitter: u32) -> Encoder {
        let channels = [ChannelName::new("news").unwrap()];
        Encoder::new(jitter, Positions::new(&channels, None).0)
    }

    fn encoded(encoder: &mut Encoder, frames: &[Frame]) -> String {
        for frame in frames {
            frame.copy_to(encoder.frames_mut());
        }
        String::from_utf8(encoder.next_chunk()).unwrap()
    }

    #[test]
    fn each_kind_of_frame_is_encoded() {
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
    fn each_client_gets_its_own_reconnection_time() {
        let first = |jitter| String::from_utf8(encoder(jitter).next_chunk()).unwrap();
        assert_eq!(first(0), "retry: 1000\n\n");
        assert_eq!(first(u32::MAX), "retry: 5000\n\n");
        let mut encoder = encoder(1 << 30);
        encoder.next_chunk();
        let notice = r#"{"type":"event","channel":"$system","event":"shutdown","data":{"id":"evt_1","reconnect_within_ms":20000}}"#;
        let frame = Frame::text(notice.into());
        assert_eq!(
            encoded(&mut encoder, &[frame]),
            format!("data: {notice}\n\nretry: 5000\n\n")
        );
        // Only the server's own channel counts.
        let others = notice.replace("$system", "news");
        let frame = Frame::text(others.as_str().into());
        assert_eq!(
            encoded(&mut encoder, &[frame]),
            format!("data: {others}\n\n")
        );
    }

    #[test]
    fn a_frame_that_arrives_in_pieces_is_one_event() {
        let mut encoder = encoder(1);
        encoder.next_chunk();
        let mut bytes = Vec::new();
        Frame::text("abc".into()).copy_to(&mut bytes);
        for &byte in &bytes[..bytes.len() - 1] {
            encoder.frames_mut().push(byte);
            assert_eq!(encoder.next_chunk(), b"");
        }
        encoder.frames_mut().push(b'c');
        assert_eq!(encoder.next_chunk(), b"data: abc\n\n");
        assert_eq!(
            encoder.frames_mut().capacity(),
            0,
            "an idle encoder owns no memory"
        );
    }

    #[test]
    fn many_frames_are_encoded_in_bounded_chunks() {
        let mut encoder = encoder(1);
        encoder.next_chunk();
        let frame = Frame::text("x".repeat(1000).into());
        for _ in 0..100 {
            frame.copy_to(encoder.frames_mut());
        }
        let mut events = 0;
        loop {
            let text = encoder.next_chunk();
            if text.is_empty() {
                break;
            }
            assert!(text.len() < MIN_FULL_CHUNK_BYTES + 1100);
            events += text.len() / 1008;
        }
        assert_eq!(events, 100);
    }
}
