//! Parses commands in native JSON.

use simd_json::prelude::*;
use simd_json::tape::{Object, Value};

use super::envelope::{Payloads, with_envelope};
use super::parser::json_of;
use crate::protocol::{
    ChannelName, ClientMessage, Command, ErrorCode, HistoryRequest, Json, Position, Refusal,
    RefusedCommand, ResumeRequest, RoomName, Subject, Token, TopicName,
};

/// Maximum number of commands in one frame.
const MAX_BATCH: usize = 1000;
/// Maximum length of a command's `id`, in bytes of JSON.
const MAX_COMMAND_ID_BYTES: usize = 128;
/// The payload of a command.
const PAYLOAD: &str = "content";
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
    let parsed = with_envelope(text, PAYLOAD, |value, payloads| {
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
        },
        "leave" => ClientMessage::Leave {
            room: room(object)?,
        },
        "message" => ClientMessage::Message {
            room: room(object)?,
            content: match object.get(PAYLOAD).and_then(|it| payloads.get(&it)) {
                Some((content, _)) => Json::from_text(content.to_owned()),
                None => return Err(missing(PAYLOAD)),
            },
        },
        "subscribe" => ClientMessage::Subscribe {
            channel: channel(object)?,
            resume: resume(object)?,
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
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<Result<Command, RefusedCommand>> {
        let mut out = Vec::new();
        parse_commands(text.as_bytes(), |command| out.push(command));
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
    fn content_is_kept_as_it_was_sent() {
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        for content in [
            "36893488147419103232",
            r#"{ "b" : 1e5,"a":-0, "a" : "\u0041\ud83d" }"#,
            r#"{"content":{"content":1},"x":"\"content\":2"}"#,
            "null",
            &deep,
        ] {
            let text = format!(
                r#"[{{"type":"message","room":"a","content": {content} }},{{"type":"ping"}}]"#
            );
            let commands: Vec<Command> = parse(&text).into_iter().map(Result::unwrap).collect();
            let ClientMessage::Message { content: kept, .. } = &commands[0].message else {
                panic!("{text}");
            };
            assert_eq!(kept.as_str(), content);
            assert_eq!(commands[1].message, ClientMessage::Ping);
        }
        assert_eq!(
            code(r#"{"type":"message","room":"a","content":01}"#),
            ErrorCode::InvalidJson
        );
        assert_eq!(
            code(r#"{"type":"message","room":"a","content":1 2}"#),
            ErrorCode::InvalidJson
        );
        let not_utf8 = b"{\"type\":\"message\",\"room\":\"a\",\"content\":\"\xff\"}";
        parse_commands(not_utf8, |command| {
            assert_eq!(command.unwrap_err().refusal.code, ErrorCode::InvalidJson);
        });
    }

    #[test]
    fn null_is_the_same_as_absent() {
        for (with, without) in [
            (r#"{"type":"ping","id":null}"#, r#"{"type":"ping"}"#),
            (
                r#"{"type":"join","room":"a","positions":null,"since":null,"last":null}"#,
                r#"{"type":"join","room":"a"}"#,
            ),
            (
                r#"{"type":"history","room":null,"channel":"a","before":null,"after":null,"limit":null}"#,
                r#"{"type":"history","channel":"a"}"#,
            ),
        ] {
            assert!(parse(with)[0].is_ok(), "{with}");
            assert_eq!(parse(with), parse(without));
        }
        assert_eq!(
            code(r#"{"type":"join","room":null}"#),
            ErrorCode::MissingField
        );
    }

    #[test]
    fn a_repeated_field_is_refused_and_an_unknown_one_ignored() {
        for text in [
            r#"{"type":"ping","type":"ping"}"#,
            r#"{"type":"join","room":"a","ro\u006fm":"a"}"#,
            r#"{"type":"message","room":"a","content":1,"content":1}"#,
            r#"{"type":"ping","id":1,"id":null}"#,
            r#"{"type":"ping","a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"a":1}"#,
        ] {
            assert_eq!(code(text), ErrorCode::InvalidCommand, "{text}");
        }
        let since = r#"{"type":"join","room":"a","since":{"offset":1,"offset":2,"epoch":"e"}}"#;
        assert_eq!(code(since), ErrorCode::InvalidPosition);
        let unknown = r#"{"type":"ping","a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":{"a":1}}"#;
        assert!(parse(unknown)[0].is_ok());
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
