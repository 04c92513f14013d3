//! The dialect of event streams: native messages as events.

use super::record::{Mark, Record};
use super::tag::tag_of;
use crate::dialect::native::{Native, with_offset};
use crate::dialect::source::At;
use crate::dialect::table::Dialect;
use crate::protocol::{
    CloseCode, Gap, Json, Resumption, ServerMessage, StreamTop, TopicMessage, TopicName,
};
use crate::wire::{Frame, FrameRole};

/// The dialect of event streams. Its frames are not WebSocket frames but records, which the task of
/// an event stream [encodes](super::Encoder) as text.
#[derive(Debug, Clone, Copy)]
pub struct EventStreamDialect;

impl Dialect for EventStreamDialect {
    fn message(&self, message: &ServerMessage<'_>, reply_to: Option<&Json>) -> Frame {
        let mark = match message {
            ServerMessage::Subscribed {
                channel,
                resumption,
                ..
            } => Some((tag_of(channel), Mark::Begin(resumption.and_then(begin)))),
            _ => None,
        };
        let json = Native.message(message, reply_to);
        data(
            json.payload(),
            Record {
                mark,
                ..Record::default()
            },
        )
    }

    fn topic_message(&self, message: &TopicMessage, at: Option<At<'_>>) -> Frame {
        let plain = Native.topic_message(message, None);
        let (json, mark) = match (message, at) {
            (TopicMessage::Event { channel, .. }, Some(at)) => (
                with_offset(&plain, at.offset),
                Some((tag_of(channel), Mark::Advance(at.offset))),
            ),
            _ => (plain, None),
        };
        let reconnect_window = match message {
            TopicMessage::Shutdown { window, .. } => {
                Some(u32::try_from(window.as_millis()).unwrap_or(u32::MAX))
            }
            _ => None,
        };
        let record = Record {
            mark,
            reconnect_window,
            ..Record::default()
        };
        data(json.payload(), record)
    }

    fn gap(&self, topic: TopicName<'_>, gap: Gap) -> Frame {
        let mark = gap
            .offsets
            .map(|(_, to)| (tag_of(topic.name()), Mark::Advance(to)));
        let json = Native.gap(topic, gap);
        data(
            json.payload(),
            Record {
                mark,
                ..Record::default()
            },
        )
    }

    fn ping(&self) -> Frame {
        let record = Record {
            text: b":\n\n",
            ..Record::default()
        };
        Frame::unframed(FrameRole::Ping, record.encode().into())
    }

    fn close(&self, code: CloseCode, reason: Option<&str>) -> Frame {
        let reason = Json::from(reason.unwrap_or(code.reason()));
        let code = code.code();
        let text = format!("event: close\ndata: {{\"code\":{code},\"reason\":{reason}}}\n\n");
        let record = Record {
            is_last: true,
            text: text.as_bytes(),
            ..Record::default()
        };
        Frame::unframed(FrameRole::Close, record.encode().into())
    }
}

/// The client's position after a subscription begins: before the publications that are about to
/// be replayed.
fn begin(resumption: &Resumption) -> Option<(u64, &str)> {
    let StreamTop { offset, epoch } = resumption.top.as_ref()?;
    Some((offset.checked_sub(resumption.replayed)?, epoch))
}

/// A record of an event with this data.
fn data(json: &[u8], record: Record<'_>) -> Frame {
    let record = Record {
        is_data: true,
        text: json,
        ..record
    };
    Frame::unframed(FrameRole::Data, record.encode().into())
}
