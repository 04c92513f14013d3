//! Parses commands in native JSON.

use simd_json::prelude::*;
use simd_json::tape::{Object, Value};

use super::parser::{json_of, with_value};
use crate::protocol::{
    ChannelName, ClientMessage, Command, ErrorCode, HistoryRequest, Json, Position, Refusal,
    RefusedCommand, ResumeRequest, RoomName, Subject, TopicName,
};

/// Maximum number of commands in one frame.
const MAX_BATCH: usize = 1000;
/// Maximum length of a command's `id`, in bytes of JSON.
const MAX_COMMAND_ID_BYTES: usize = 128;

/// Parses the commands in one frame, in order: a single object, or an array of objects. A
/// command that is refused does not affect the others in its frame.
pub fn parse_commands(text: &mut [u8], mut each: impl FnMut(Result<Command, RefusedCommand>)) {
    let parsed = with_value(text, |value| {
        if let Some(object) = value.as_object() {
            each(parse_command(&object));
            return;
        }
        match value.as_array() {
            Some(batch) if batch.len() <= MAX_BATCH => {
                for item in &batch {
                    each(match item.as_object() {
                        Some(object) => parse_command(&object),
                        None => Err(refused(ErrorCode::InvalidCommand)),
                    });
                }
            }
            _ => each(Err(refused(ErrorCode::InvalidCommand))),
        }
    });
    if parsed.is_err() {
        each(Err(refused(ErrorCode::InvalidJson)));
    }
}

fn parse_command(object: &Object<'_, '_>) -> Result<Command, RefusedCommand> {
    let id = match object.get("id") {
        None => None,
        Some(value) => Some(command_id(&value).ok_or(refused(ErrorCode::InvalidId))?),
    };
    match parse_message(object) {
        Ok(message) => Ok(Command { id, message }),
        Err(refusal) => Err(RefusedCommand { id, refusal }),
    }
}

fn command_id(value: &Value<'_, '_>) -> Option<Json> {
    let acceptable = value.is_str() || value.is_i64() || value.is_u64();
    let id = acceptable.then(|| json_of(value))?;
    (id.as_str().len() <= MAX_COMMAND_ID_BYTES).then_some(id)
}

fn parse_message(object: &Object<'_, '_>) -> Result<ClientMessage, Refusal> {
    let kind = object.get("type").ok_or_else(|| missing("type"))?;
    let kind = kind.as_str().ok_or_else(|| missing("type"))?;
    Ok(match kind {
        "join" => ClientMessage::Join {
            room: room(object)?,
            resume: resume(object)?,
        },
        "leave" => ClientMessage::Leave {
            room: room(object)?,
        },
        "message" => ClientMessage::Message {
            room: room(object)?,
            content: match object.get("content") {
                Some(content) => json_of(&content),
                None => return Err(missing("content")),
            },
        },
        "subscribe" => ClientMessage::Subscribe {
            channel: channel(object)?,
            resume: resume(object)?,
        },
        "unsubscribe" => ClientMessage::Unsubscribe {
            channel: channel(object)?,
        },
        "history" if object.get("room").is_some() => ClientMessage::RoomHistory {
            room: room(object)?,
            request: history_request(object)?,
        },
        "history" => ClientMessage::ChannelHistory {
            channel: channel(object)?,
            request: history_request(object)?,
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
        .map_err(|_| Refusal::new(ErrorCode::InvalidChannel).about(TopicName::Channel(name)))
}

/// The resume request of a `join` or `subscribe`, which is made with `since`, `last`, or just
/// `positions` to receive offsets.
fn resume(object: &Object<'_, '_>) -> Result<Option<ResumeRequest>, Refusal> {
    let positions = match object.get("positions") {
        None => false,
        Some(value) => value.as_bool().ok_or_else(|| invalid("positions"))?,
    };
    let since = match object.get("since") {
        None => None,
        Some(value) => Some(position(&value).ok_or_else(|| invalid("since"))?),
    };
    let last = number(object, "last")?;
    let requested = positions || since.is_some() || last.is_some();
    let last = last.unwrap_or(0);
    Ok(requested.then_some(ResumeRequest { since, last }))
}

fn position(value: &Value<'_, '_>) -> Option<Position> {
    let object = value.as_object()?;
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

fn number(object: &Object<'_, '_>, field: &'static str) -> Result<Option<u64>, Refusal> {
    match object.get(field) {
        None => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| invalid(field)),
    }
}

fn invalid(field: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidPosition).about(Subject::Field(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<Result<Command, RefusedCommand>> {
        let mut out = Vec::new();
        parse_commands(&mut text.as_bytes().to_vec(), |command| out.push(command));
        out
    }

    fn code(text: &str) -> ErrorCode {
        parse(text).remove(0).unwrap_err().refusal.code
    }

    #[test]
    fn every_command_parses_from_its_documented_text() {
        let text = r#"[{"type":"join","room":"general"},{"type":"leave","room":"general"},
            {"type":"message","room":"general","content":{"a":[1]}},
            {"type":"subscribe","channel":"n"},{"type":"unsubscribe","channel":"n","id":7},
            {"id":"x","type":"ping"}]"#;
        let commands: Vec<Command> = parse(text).into_iter().map(Result::unwrap).collect();
        assert_eq!(commands.len(), 6);
        assert!(
            matches!(&commands[2].message, ClientMessage::Message { content, .. } if content.as_str() == r#"{"a":[1]}"#)
        );
        assert_eq!(commands[4].id.as_ref().map(Json::as_str), Some("7"));
        assert_eq!(commands[5].id.as_ref().map(Json::as_str), Some("\"x\""));
    }

    #[test]
    fn each_mistake_has_its_error_code() {
        assert_eq!(code("{"), ErrorCode::InvalidJson);
        assert_eq!(code(""), ErrorCode::InvalidJson);
        assert_eq!(code("7"), ErrorCode::InvalidCommand);
        assert_eq!(code("[7]"), ErrorCode::InvalidCommand);
        assert_eq!(code("{}"), ErrorCode::MissingField);
        assert_eq!(code(r#"{"type":5}"#), ErrorCode::MissingField);
        assert_eq!(code(r#"{"type":"shout"}"#), ErrorCode::UnknownType);
        assert_eq!(code(r#"{"type":"join"}"#), ErrorCode::MissingField);
        assert_eq!(code(r#"{"type":"join","room":""}"#), ErrorCode::InvalidRoom);
        assert_eq!(
            code(r#"{"type":"message","room":"a"}"#),
            ErrorCode::MissingField
        );
        assert_eq!(
            code(r#"{"type":"subscribe","channel":"$x"}"#),
            ErrorCode::InvalidChannel
        );
        assert_eq!(code(r#"{"type":"ping","id":{}}"#), ErrorCode::InvalidId);
        for wrong in [
            r#""since":5"#,
            r#""since":{"offset":-1,"epoch":"e"}"#,
            r#""since":{"offset":1,"epoch":""}"#,
            r#""since":{"offset":1}"#,
            r#""last":-1"#,
            r#""positions":1"#,
        ] {
            let text = format!(r#"{{"type":"subscribe","channel":"a",{wrong}}}"#);
            assert_eq!(code(&text), ErrorCode::InvalidPosition, "{text}");
        }
        for wrong in [
            r#""limit":0"#,
            r#""limit":1001"#,
            r#""before":1,"after":1"#,
            r#""after":"x""#,
        ] {
            let text = format!(r#"{{"type":"history","channel":"a",{wrong}}}"#);
            assert_eq!(code(&text), ErrorCode::InvalidPosition, "{text}");
        }
    }

    #[test]
    fn an_invalid_command_does_not_affect_the_others_in_its_frame() {
        let parsed = parse(r#"[{"type":"ping"},{"type":"no","id":3},{"type":"ping"}]"#);
        assert!(parsed[0].is_ok() && parsed[2].is_ok());
        assert_eq!(
            parsed[1]
                .as_ref()
                .unwrap_err()
                .id
                .as_ref()
                .map(Json::as_str),
            Some("3")
        );
    }

    #[test]
    fn the_number_of_commands_per_frame_is_limited() {
        let batch = |n: usize| format!("[{}]", vec![r#"{"type":"ping"}"#; n].join(","));
        assert_eq!(parse(&batch(1000)).len(), 1000);
        assert_eq!(code(&batch(1001)), ErrorCode::InvalidCommand);
        assert!(parse("[]").is_empty());
    }
}
