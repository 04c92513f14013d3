//! A dialect that only the model mounts: native messages in an envelope with the position,
//! and close codes of its own. So a client notices a form that was made for another class.

use serde_json::Value;
use wavecast::ServerMessage;
use wavecast::dialect::native::Native;
use wavecast::dialect::sse::EventStreamDialect;
use wavecast::dialect::{At, ClassId, Dialect, Dialects};
use wavecast::protocol::{CloseCode, Json, TopicMessage};
use wavecast::wire::Frame;

/// The class of the dialect's clients.
pub(super) const MARKED: ClassId = ClassId::new(2);

pub(super) const DIALECTS: Dialects = Dialects::new(&Native, &[&EventStreamDialect, &Marked]);

/// How far its close codes are above the native ones.
const CODES_ABOVE: u16 = 100;

#[derive(Debug)]
struct Marked;

impl Dialect for Marked {
    fn message(&self, message: &ServerMessage<'_>, reply_to: Option<&Json>) -> Frame {
        envelope(&message.to_reply(reply_to), "")
    }

    fn topic_message(&self, message: &TopicMessage, at: Option<At<'_>>) -> Frame {
        let position = at.map_or(String::new(), |At { offset, epoch }| {
            format!(r#","offset":{offset},"epoch":"{epoch}""#)
        });
        envelope(&message.as_server_message().to_json(), &position)
    }

    fn close(&self, code: CloseCode, _: Option<&str>) -> Frame {
        Frame::close(code.code() + CODES_ABOVE, "marked")
    }
}

fn envelope(message: &str, position: &str) -> Frame {
    Frame::text(format!(r#"{{"marked":{message}{position}}}"#).into())
}

/// The message in an envelope, with its position if there is one.
pub(super) fn open(envelope: &Value) -> Value {
    let mut message = envelope["marked"].clone();
    let fields = message.as_object_mut().expect("a marked message");
    for field in ["offset", "epoch"] {
        if let Some(value) = envelope.get(field) {
            fields.insert(field.to_owned(), value.clone());
        }
    }
    message
}

/// The native close code for one of the dialect.
pub(super) fn native_code(code: u16) -> u16 {
    code - CODES_ABOVE
}
