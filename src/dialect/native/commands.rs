//! Parses commands in native JSON.

use simd_json::prelude::*;
use simd_json::tape::{Object, Value};

use super::envelope::{Payloads, with_envelope};
use super::parser::json_of;
use crate::protocol::{
    ChannelName, ClientMessage, Command, ErrorCode, EventData, EventId, EventName, HistoryRequest,
    Json, NameError, Position, PresenceRequest, Refusal, RefusedCommand, ResumeRequest, RoomName,
    Subject, Token, TopicName,
};

/// Maximum number of commands in one frame.
const MAX_BATCH: usize = 1000;
/// Maximum length of a command's `id`, in bytes of JSON.
const MAX_COMMAND_ID_BYTES: usize = 128;
/// The payload of a message to a room, and that of an event.
const CONTENT: &str = "content";
const DATA: &str = "data";
/// Up to this many keys are compared one by one.
const FEW_KEYS: usize = 8;

/// Parses the commands in one frame, in order: a single object, or an array of objects. A
/// command that is refused does not affect the others in its frame.
#[cfg(any(test, feature = "internals"))]
pub fn parse_commands(text: &[u8], each: impl FnMut(Result<Command, RefusedCommand>)) {
    parse_some_commands(text, 0, usize::MAX, each);
}

/// Parses the commands in one frame from the one at `first` on, at most `max`, which is at least
/// one. Returns how many follow them.
pub fn parse_some_commands(
    text: &[u8],
    first: usize,
    max: usize,
    mut each: impl FnMut(Result<Command, RefusedCommand>),
) -> usize {
    let parsed = with_envelope(text, &[CONTENT, DATA], |value, payloads| {
        if let Some(object) = value.as_object() {
            each(parse_command(&object, payloads));
            return 0;
        }
        match value.as_array() {
            Some(batch) if batch.len() <= MAX_BATCH => {
                for item in batch.iter().skip(first).take(max) {
                    each(match item.as_object() {
                        Some(object) => parse_command(&object, payloads),
                        None => Err(refused(ErrorCode::InvalidCommand)),
                    });
                }
                batch.len().saturating_sub(first).saturating_sub(max)
            }
            _ => {
                each(Err(refused(ErrorCode::InvalidCommand)));
                0
            }
        }
    });
    parsed.unwrap_or_else(|_| {
        each(Err(refused(ErrorCode::InvalidJson)));
        0
    })
}

fn parse_command(
    object: &Object<'_, '_>,
    payloads: Payloads<'_>,
) -> Result<Command, RefusedCommand> {
    if repeats_a_key(object) {
        return Err(refused(ErrorCode::InvalidCommand));
    }
    let id = match optional(object, "id") {
        None => None,
        Some(value) => Some(command_id(&value).ok_or(refused(ErrorCode::InvalidId))?),
    };
    match parse_message(object, payloads) {
        Ok(message) => Ok(Command { id, message }),
        Err(refusal) => Err(RefusedCommand { id, refusal }),
    }
}

fn command_id(value: &Value<'_, '_>) -> Option<Json> {
    let acceptable = value.is_str() || value.is_i64() || value.is_u64();
    let id = acceptable.then(|| json_of(value))?;
    (id.as_str().len() <= MAX_COMMAND_ID_BYTES).then_some(id)
}

/// Whether two keys are equal. The order of an object's fields has no meaning, so nobody knows
/// which of two values was meant.
fn repeats_a_key(object: &Object<'_, '_>) -> bool {
    let mut few = [""; FEW_KEYS];
    let Some(few) = few.get_mut(..object.len()) else {
        let mut keys: Vec<&str> = object.keys().collect();
        keys.sort_unstable();
        return keys.windows(2).any(|pair| pair[0] == pair[1]);
    };
    for (at, key) in object.keys().enumerate() {
        if few[..at].contains(&key) {
            return true;
        }
        few[at] = key;
    }
    false
}

/// The value of an optional field, for which `null` is the same as absent.
fn optional<'tape, 'text>(
    object: &Object<'tape, 'text>,
    field: &str,
) -> Option<Value<'tape, 'text>> {
    object.get(field).filter(|value| !value.is_null())
}

fn parse_message(
    object: &Object<'_, '_>,
    payloads: Payloads<'_>,
) -> Result<ClientMessage, Refusal> {
    let kind = object.get("type").ok_or_else(|| missing("type"))?;
    let kind = kind.as_str().ok_or_else(|| missing("type"))?;
    Ok(match kind {
        "join" => ClientMessage::Join {
            room: room(object)?,
            resume: resume(object)?,
            presence: flag(object, "presence")?,
        },
        "leave" => ClientMessage::Leave {
            room: room(object)?,
        },
        "message" => ClientMessage::Message {
            room: room(object)?,
            content: match object.get(CONTENT).and_then(|it| payloads.get(&it)) {
                Some((content, _)) => Json::from_text(content.to_owned()),
                None => return Err(missing(CONTENT)),
            },
        },
        "publish" => {
            let channel = channel(object)?;
            let data = object.get(DATA).and_then(|it| payloads.get(&it));
            let (text, shape) = data.ok_or_else(|| missing(DATA))?;
            ClientMessage::Publish {
                channel,
                event_id: label(object, "event_id", EventId::new)?,
                event: label(object, "event", EventName::new)?,
                data: EventData::from_scanned(text, shape),
            }
        }
        "subscribe" => ClientMessage::Subscribe {
            channel: channel(object)?,
            token: match optional(object, "token") {
                None => None,
                Some(_) => Some(token(object)?),
            },
            resume: resume(object)?,
            presence: flag(object, "presence")?,
        },
        "unsubscribe" => ClientMessage::Unsubscribe {
            channel: channel(object)?,
        },
        "history" if optional(object, "room").is_some() => ClientMessage::RoomHistory {
            room: room(object)?,
            request: history_request(object)?,
        },
        "history" => ClientMessage::ChannelHistory {
            channel: channel(object)?,
            request: history_request(object)?,
        },
        "presence" if optional(object, "room").is_some() => ClientMessage::RoomPresence {
            room: room(object)?,
            request: presence_request(object)?,
        },
        "presence" => ClientMessage::ChannelPresence {
            channel: channel(object)?,
            request: presence_request(object)?,
        },
        "auth" => ClientMessage::Auth {
            token: token(object)?,
        },
        "ping" => ClientMessage::Ping,
        _ => return Err(ErrorCode::UnknownType.into()),
    })
}

fn refused(code: ErrorCode) -> RefusedCommand {
    Refusal::new(code).into()
}

fn missing(field: &'static str) -> Refusal {
    Refusal::new(ErrorCode::MissingField).about(Subject::Field(field))
}

fn token(object: &Object<'_, '_>) -> Result<Token, Refusal> {
    let token = object.get("token").ok_or_else(|| missing("token"))?;
    let token = token.as_str().ok_or_else(|| missing("token"))?;
    Ok(Token::new(token))
}

fn label<T>(
    object: &Object<'_, '_>,
    field: &'static str,
    check: impl FnOnce(&str) -> Result<T, NameError>,
) -> Result<Option<T>, Refusal> {
    let Some(value) = optional(object, field) else {
        return Ok(None);
    };
    let label = value.as_str().and_then(|text| check(text).ok());
    let invalid = || Refusal::new(ErrorCode::InvalidEvent).about(Subject::Field(field));
    label.map(Some).ok_or_else(invalid)
}

fn room(object: &Object<'_, '_>) -> Result<RoomName, Refusal> {
    let name = object.get("room").ok_or_else(|| missing("room"))?;
    let name = name.as_str().ok_or_else(|| missing("room"))?;
    RoomName::new(name)
        .map_err(|_| Refusal::new(ErrorCode::InvalidRoom).about(TopicName::Room(name)))
}

fn channel(object: &Object<'_, '_>) -> Result<ChannelName, Refusal> {
    let name = object.get("channel").ok_or_else(|| missing("channel"))?;
    let name = name.as_str().ok_or_else(|| missing("channel"))?;
    ChannelName::new(name)
        .map_err(|error| Refusal::new(error.channel_code()).about(TopicName::Channel(name)))
}

/// The resume request of a `join` or `subscribe`, which is made with `since`, `last`, or just
/// `positions` to receive offsets.
fn resume(object: &Object<'_, '_>) -> Result<Option<ResumeRequest>, Refusal> {
    let positions = match optional(object, "positions") {
        None => false,
        Some(value) => value.as_bool().ok_or_else(|| invalid("positions"))?,
    };
    let since = match optional(object, "since") {
        None => None,
        Some(value) => Some(position(&value).ok_or_else(|| invalid("since"))?),
    };
    let last = number(object, "last")?;
    let requested = positions || since.is_some() || last.is_some();
    Ok(requested.then_some(ResumeRequest { since, last }))
}

fn position(value: &Value<'_, '_>) -> Option<Position> {
    let object = value.as_object().filter(|it| !repeats_a_key(it))?;
    let offset = object.get("offset")?.as_u64()?;
    Position::new(offset, object.get("epoch")?.as_str()?)
}

fn history_request(object: &Object<'_, '_>) -> Result<HistoryRequest, Refusal> {
    let before = number(object, "before")?;
    let after = number(object, "after")?;
    let limit = number(object, "limit")?;
    let field = if before.is_some() && after.is_some() {
        "before"
    } else {
        "limit"
    };
    HistoryRequest::new(before, after, limit).ok_or_else(|| invalid(field))
}

/// What a question about presence asks for: users, unless it says something else.
fn presence_request(object: &Object<'_, '_>) -> Result<PresenceRequest, Refusal> {
    let listed = match optional(object, "by") {
        None => PresenceRequest::Users,
        Some(by) => match by.as_str() {
            Some("user") => PresenceRequest::Users,
            Some("connection") => PresenceRequest::Connections,
            _ => return Err(missing("by")),
        },
    };
    let counts = flag(object, "counts")? == Some(true);
    Ok(if counts {
        PresenceRequest::Counts
    } else {
        listed
    })
}

fn flag(object: &Object<'_, '_>, field: &'static str) -> Result<Option<bool>, Refusal> {
    match optional(object, field) {
        None => Ok(None),
        Some(value) => value.as_bool().map(Some).ok_or_else(|| missing(field)),
    }
}

fn number(object: &Object<'_, '_>, field: &'static str) -> Result<Option<u64>, Refusal> {
    match optional(object, field) {
        None => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| invalid(field)),
    }
}

fn invalid(field: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidPosition).about(Subject::Field(field))
}

#[cfg(test)]
mod tests;
