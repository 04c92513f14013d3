//! A dialect that only these tests mount: JSON arrays, close codes of its own, and pings that are
//! messages.

use serde_json::json;
use wavecast::ServerMessage;
use wavecast::dialect::native::Native;
use wavecast::dialect::sse::EventStreamDialect;
use wavecast::dialect::{At, ClassId, Dialect, Dialects};
use wavecast::protocol::{CloseCode, Gap, Json, TopicMessage, TopicName};
use wavecast::wire::Frame;

/// The class of the dialect's clients.
pub(super) const TERSE: ClassId = ClassId::new(2);

/// The native dialect, that of event streams, and the terse one.
pub(super) const DIALECTS: Dialects = Dialects::new(&Native, &[&EventStreamDialect, &Terse]);

pub(super) const PING: &str = r#"["ping"]"#;

#[derive(Debug)]
struct Terse;

impl Dialect for Terse {
    fn message(&self, message: &ServerMessage<'_>, _: Option<&Json>) -> Frame {
        match message {
            ServerMessage::Subscribed {
                channel,
                resumption: Some(resumption),
                ..
            } => {
                let top = resumption.top.as_ref().expect("a channel with a history");
                let recovered = resumption.recovered.map(|recovered| recovered.is_ok());
                text(json!(["subscribed", channel, top.offset, &*top.epoch, recovered]).to_string())
            }
            ServerMessage::Joined { room, members, .. } => {
                text(json!(["joined", room, members]).to_string())
            }
            // Each item is a message of this dialect.
            ServerMessage::History { items, .. } => {
                text(format!(r#"["history",[{}]]"#, items.join(",")))
            }
            ServerMessage::Error { refusal } => {
                text(json!(["error", refusal.code.as_str()]).to_string())
            }
            other => panic!("the tests send no {other:?}"),
        }
    }

    fn topic_message(&self, message: &TopicMessage, at: Option<At<'_>>) -> Frame {
        let offset = at.map_or("null".to_owned(), |at| at.offset.to_string());
        match message {
            // The payload as it was published, byte for byte.
            TopicMessage::Event { channel, event }
            | TopicMessage::Shutdown { channel, event, .. } => {
                let data = event.data.as_str();
                text(format!(r#"["event","{channel}",{offset},{data}]"#))
            }
            TopicMessage::Message { room, content, .. } => {
                text(format!(r#"["said","{room}",{offset},{content}]"#))
            }
            TopicMessage::UserJoined { room, .. } => text(json!(["in", &**room]).to_string()),
            TopicMessage::UserLeft { room, .. } => text(json!(["out", &**room]).to_string()),
            TopicMessage::Presence { name, presence, .. } => {
                text(json!(["present", &**name, presence.counts.users]).to_string())
            }
        }
    }

    fn gap(&self, topic: TopicName<'_>, gap: Gap) -> Frame {
        text(json!(["gap", topic.name(), gap.missed, gap.offsets]).to_string())
    }

    fn ping(&self) -> Frame {
        Frame::application_ping(PING.into())
    }

    fn close(&self, code: CloseCode, _: Option<&str>) -> Frame {
        let code = match code {
            CloseCode::SlowConsumer => 4100,
            CloseCode::GoingAway => 4200,
            CloseCode::HeartbeatTimeout => 4201,
            _ => 4000,
        };
        Frame::close(code, "terse")
    }
}

fn text(text: impl Into<String>) -> Frame {
    Frame::text(text.into().into())
}
