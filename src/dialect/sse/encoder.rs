//! Encodes a client's records as the text of an event stream
//! ([HTML Living Standard §9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html)).

use super::positions::Positions;
use super::record::Record;

/// A chunk of text is complete once it has at least this size. Frames that follow are not
/// encoded yet.
const MIN_FULL_CHUNK_BYTES: usize = 16 * 1024;
/// Range of the reconnection time, in milliseconds. Each client gets its own, so that clients
/// which are disconnected together do not all reconnect together.
const RETRY_MS: (u32, u32) = (1000, 5000);

/// Encodes the records that a shard writes as an event stream.
///
/// Bound: holds at most the content of a pipe and one incomplete record. A chunk of text
/// has at most 16 KiB plus the text of one record.
#[derive(Debug)]
pub struct Encoder {
    /// Records to encode, of which the last may be incomplete.
    records: Vec<u8>,
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
            records: Vec::new(),
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
    pub fn records_mut(&mut self) -> &mut Vec<u8> {
        &mut self.records
    }

    /// Encodes the next chunk of complete events and comments. It is empty if more records are
    /// needed.
    pub fn next_chunk(&mut self) -> Vec<u8> {
        let records = std::mem::take(&mut self.records);
        let mut rest = &records[..];
        while !self.ended
            && self.text.len() < MIN_FULL_CHUNK_BYTES
            && let Some((record, remaining)) = Record::split(rest)
        {
            self.write(&record);
            rest = remaining;
        }
        // Copied, so that an idle client, all of whose records are encoded, owns no memory here.
        self.records = rest.to_vec();
        std::mem::take(&mut self.text)
    }

    /// Whether the last event has been encoded.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    fn write(&mut self, record: &Record<'_>) {
        if let Some((tag, mark)) = record.mark
            && self.positions.apply(tag, mark)
        {
            self.text.extend_from_slice(b"id: ");
            self.positions.write_id(&mut self.text);
            self.text.push(b'\n');
        }
        if record.is_data {
            self.write_data(record.text);
        } else {
            self.text.extend_from_slice(record.text);
        }
        if let Some(window) = record.reconnect_window {
            self.write_retry(self.jittered(window));
        }
        self.ended = record.is_last;
    }

    /// Writes the data of an event. JSON that a publisher sent may contain line breaks, between
    /// tokens. They are written here, for one stream after the other, because each of them takes
    /// seven bytes, which must not count in the outbox.
    fn write_data(&mut self, data: &[u8]) {
        for line in data.split(|byte| matches!(byte, b'\n' | b'\r')) {
            self.text.extend_from_slice(b"data: ");
            self.text.extend_from_slice(line);
            self.text.push(b'\n');
        }
        self.text.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::sse::EventStreamDialect;
    use crate::dialect::{At, Dialect as _};
    use crate::protocol::{
        ChannelName, CloseCode, Event, EventData, EventId, Gap, Resumption, ServerMessage,
        StreamTop, TopicKind, TopicMessage, TopicName,
    };
    use crate::wire::Frame;
    use std::time::Duration;

    fn encoder(jitter: u32) -> Encoder {
        let channels = [ChannelName::new("news").unwrap()];
        Encoder::new(jitter, Positions::new(&channels, None).0)
    }

    fn encoded(encoder: &mut Encoder, frames: &[Frame]) -> String {
        for frame in frames {
            frame.copy_to(encoder.records_mut());
        }
        String::from_utf8(encoder.next_chunk()).unwrap()
    }

    fn event(channel: &str, data: &str) -> TopicMessage {
        let event = Event {
            id: EventId::new("evt_1").unwrap(),
            from: None,
            timestamp: "2024-01-15T10:30:00.000Z".to_owned(),
            name: None,
            data: EventData::parse(data).unwrap(),
        };
        TopicMessage::Event {
            channel: channel.into(),
            event: event.into(),
        }
    }

    #[test]
    fn each_kind_of_frame_is_encoded() {
        let mut encoder = encoder(1 << 31);
        let top = StreamTop {
            offset: 9,
            epoch: "e".into(),
        };
        let resumption = Resumption {
            top: Some(top),
            recovered: None,
            last_requested: false,
            replayed: 0,
        };
        let subscribed = ServerMessage::Subscribed {
            channel: "news",
            resumption: Some(&resumption),
            presence: None,
        };
        let at = At {
            offset: 10,
            epoch: "e",
        };
        let dialect = EventStreamDialect;
        let news = TopicName::new(TopicKind::Channel, "news");
        let frames = [
            dialect.message(&ServerMessage::Pong, None),
            dialect.ping(),
            dialect.message(&subscribed, None),
            dialect.topic_message(&event("news", "[1,\r\n2]"), Some(at)),
            dialect.topic_message(&event("news", "0"), None),
            dialect.gap(news, Gap::between(11, 12)),
            dialect.gap(news, Gap::of_one(None)),
            dialect.close(CloseCode::SlowConsumer, Some("slow \"consumer\"")),
            dialect.message(&ServerMessage::Pong, None),
        ];
        assert_eq!(
            encoded(&mut encoder, &frames),
            concat!(
                "retry: 3000\n\n",
                "data: {\"type\":\"pong\"}\n\n",
                ":\n\n",
                "id: e.W7qgOoBv9\ndata: {\"type\":\"subscribed\",\"channel\":\"news\",\"offset\":9,\"epoch\":\"e\"}\n\n",
                "id: e.W7qgOoBva\ndata: {\"type\":\"event\",\"channel\":\"news\",\"data\":{\"id\":\"evt_1\",\"timestamp\":\"2024-01-15T10:30:00.000Z\",\"value\":[1,\ndata: \ndata: 2]},\"offset\":10}\n\n",
                "data: {\"type\":\"event\",\"channel\":\"news\",\"data\":{\"id\":\"evt_1\",\"timestamp\":\"2024-01-15T10:30:00.000Z\",\"value\":0}}\n\n",
                "id: e.W7qgOoBvc\ndata: {\"type\":\"gap\",\"channel\":\"news\",\"missed\":2,\"from\":11,\"to\":12}\n\n",
                "data: {\"type\":\"gap\",\"channel\":\"news\",\"missed\":1}\n\n",
                "event: close\ndata: {\"code\":1013,\"reason\":\"slow \\\"consumer\\\"\"}\n\n",
            )
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
        let TopicMessage::Event { channel, event } = event("$system", "{}") else {
            unreachable!()
        };
        let notice = TopicMessage::Shutdown {
            channel,
            event,
            window: Duration::from_secs(20),
        };
        let text = encoded(
            &mut encoder,
            &[EventStreamDialect.topic_message(&notice, None)],
        );
        assert!(
            text.starts_with("data: {\"type\":\"event\",\"channel\":\"$system\""),
            "{text}"
        );
        assert!(text.ends_with("}\n\nretry: 5000\n\n"), "{text}");
    }

    #[test]
    fn a_record_that_arrives_in_pieces_is_one_event() {
        let mut encoder = encoder(1);
        encoder.next_chunk();
        let mut bytes = Vec::new();
        EventStreamDialect
            .message(&ServerMessage::Pong, None)
            .copy_to(&mut bytes);
        for &byte in &bytes[..bytes.len() - 1] {
            encoder.records_mut().push(byte);
            assert_eq!(encoder.next_chunk(), b"");
        }
        encoder.records_mut().push(b'}');
        assert_eq!(encoder.next_chunk(), b"data: {\"type\":\"pong\"}\n\n");
        assert_eq!(
            encoder.records_mut().capacity(),
            0,
            "an idle encoder owns no memory"
        );
    }

    #[test]
    fn many_records_are_encoded_in_bounded_chunks() {
        let mut encoder = encoder(1);
        encoder.next_chunk();
        let message = event("news", &format!("\"{}\"", "x".repeat(1000)));
        let frame = EventStreamDialect.topic_message(&message, None);
        for _ in 0..100 {
            frame.copy_to(encoder.records_mut());
        }
        let mut events = 0;
        loop {
            let text = encoder.next_chunk();
            if text.is_empty() {
                break;
            }
            assert!(text.len() < MIN_FULL_CHUNK_BYTES + 1200);
            events += text.windows(2).filter(|pair| pair == b"\n\n").count();
        }
        assert_eq!(events, 100);
    }
}
