//! Parses publish requests in native JSON.

use std::borrow::Cow;

use simd_json::prelude::*;
use simd_json::tape::{Object, Value};

use super::event_data::event_data_of;
use super::parser::with_value;
use crate::protocol::{
    ChannelName, ErrorCode, EventId, EventName, InvalidTarget, NameError, PublishRequest, Refusal,
    Target, UserId,
};

/// Maximum number of events per batch.
const MAX_EVENTS: usize = 1000;

/// Parses one event: `{"channel":…,"data":…}`, or with `channels`, `user` or `broadcast` instead
/// of `channel`.
pub fn parse_publish_request(text: &mut [u8]) -> Result<PublishRequest, Refusal> {
    parse(text, |value| {
        let object = value
            .as_object()
            .ok_or_else(|| refused(ErrorCode::InvalidCommand, "the body must be a JSON object"))?;
        request(&object)
    })
}

/// Parses a batch: `{"events":[…]}`, each event as for [`parse_publish_request`].
///
/// Errors: one invalid event makes the whole batch invalid; the detail gives its index.
pub fn parse_publish_batch(text: &mut [u8]) -> Result<Vec<PublishRequest>, Refusal> {
    parse(text, |value| {
        let events = value
            .as_object()
            .and_then(|object| object.get("events"))
            .and_then(|events| events.as_array())
            .ok_or_else(|| refused(ErrorCode::MissingField, "`events` must be an array"))?;
        if events.len() > MAX_EVENTS {
            return Err(refused(
                ErrorCode::InvalidCommand,
                format!("a batch can contain at most {MAX_EVENTS} events"),
            ));
        }
        let mut requests = Vec::with_capacity(events.len());
        for (index, item) in events.iter().enumerate() {
            let parsed = match item.as_object() {
                Some(object) => request(&object),
                None => Err(refused(ErrorCode::InvalidCommand, "must be a JSON object")),
            };
            requests.push(
                parsed.map_err(|error| refused(error.code, format!("events[{index}]: {error}")))?,
            );
        }
        Ok(requests)
    })
}

fn refused(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(code).with_detail(detail)
}

fn parse<T>(
    text: &mut [u8],
    read: impl FnOnce(Value<'_, '_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    with_value(text, read)
        .unwrap_or_else(|error| Err(refused(ErrorCode::InvalidJson, error.to_string())))
}

fn request(object: &Object<'_, '_>) -> Result<PublishRequest, Refusal> {
    let data = object.get("data").ok_or_else(|| {
        refused(
            ErrorCode::MissingField,
            "`data` is missing; it can be any JSON value",
        )
    })?;
    Ok(PublishRequest {
        target: target(object)?,
        id: label(object, "id", EventId::new)?,
        name: label(object, "event", EventName::new)?,
        data: event_data_of(&data),
    })
}

fn label<T>(
    object: &Object<'_, '_>,
    field: &str,
    check: impl FnOnce(&str) -> Result<T, NameError>,
) -> Result<Option<T>, Refusal> {
    let invalid = |reason: &str| refused(ErrorCode::InvalidEvent, format!("`{field}`: {reason}"));
    match object.get(field) {
        None => Ok(None),
        Some(value) => {
            let text = value.as_str().ok_or_else(|| invalid("must be a string"))?;
            check(text)
                .map(Some)
                .map_err(|error| invalid(&error.to_string()))
        }
    }
}

fn target(object: &Object<'_, '_>) -> Result<Target, Refusal> {
    let given = ["channel", "channels", "user", "broadcast"].map(|field| object.get(field));
    if given.iter().flatten().count() != 1 {
        return Err(refused(
            ErrorCode::MissingField,
            "exactly one of `channel`, `channels`, `user` and `broadcast` is required",
        ));
    }
    let [one, channels, user, _] = given;
    if let Some(name) = one {
        return Target::channels(vec![channel(&name)?]).map_err(refused_target);
    }
    if let Some(names) = channels {
        return many_channels(&names);
    }
    if let Some(id) = user {
        let id = id
            .as_str()
            .ok_or_else(|| refused(ErrorCode::InvalidUser, "`user` must be a string"))?;
        return UserId::new(id)
            .map(Target::User)
            .map_err(|error| refused(ErrorCode::InvalidUser, error.to_string()));
    }
    match object.get("broadcast").and_then(|value| value.as_bool()) {
        Some(true) => Ok(Target::Everyone),
        _ => Err(refused(
            ErrorCode::InvalidCommand,
            "`broadcast` must be true",
        )),
    }
}

fn many_channels(names: &Value<'_, '_>) -> Result<Target, Refusal> {
    let names = names
        .as_array()
        .ok_or_else(|| refused(ErrorCode::InvalidChannel, "`channels` must be an array"))?;
    if names.len() > Target::MAX_CHANNELS {
        return Err(refused_target(InvalidTarget::ChannelCount));
    }
    let names = names.iter().map(|name| channel(&name));
    Target::channels(names.collect::<Result<_, _>>()?).map_err(refused_target)
}

/// `$all` and `$user:<id>` can be named here as well as with `broadcast` and `user`.
fn channel(name: &Value<'_, '_>) -> Result<ChannelName, Refusal> {
    let name = name
        .as_str()
        .ok_or_else(|| refused(ErrorCode::InvalidChannel, "a channel name must be a string"))?;
    ChannelName::new(name)
        .map_err(|error| refused(ErrorCode::InvalidChannel, format!("{name:?}: {error}")))
}

fn refused_target(error: InvalidTarget) -> Refusal {
    match error {
        InvalidTarget::ChannelCount => refused(
            ErrorCode::InvalidChannel,
            format!(
                "`channels` must contain 1 to {} names",
                Target::MAX_CHANNELS
            ),
        ),
        InvalidTarget::Reserved => refused(
            ErrorCode::Forbidden,
            "$system is reserved for the server's own notices",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_one(text: &str) -> Result<PublishRequest, Refusal> {
        parse_publish_request(&mut text.as_bytes().to_vec())
    }

    fn code(text: &str) -> ErrorCode {
        parse_one(text).unwrap_err().code
    }

    #[test]
    fn every_kind_of_target_parses() {
        let one =
            parse_one(r#"{"channel":"a","data":{},"id":"x","event":"order.created"}"#).unwrap();
        assert_eq!(one.id.unwrap().as_str(), "x");
        assert_eq!(
            one.name.as_ref().map(EventName::as_str),
            Some("order.created")
        );
        let many = parse_one(r#"{"channels":["a","b","a"],"data":1}"#).unwrap();
        assert!(matches!(many.target, Target::Channels(names) if names.len() == 2));
        let user = parse_one(r#"{"user":"u","data":1}"#).unwrap();
        assert!(matches!(user.target, Target::User(_)));
        let everyone = parse_one(r#"{"broadcast":true,"data":null}"#).unwrap();
        assert_eq!(everyone.target, Target::Everyone);
    }

    #[test]
    fn each_mistake_has_its_error_code() {
        assert_eq!(code("nope"), ErrorCode::InvalidJson);
        assert_eq!(code("[]"), ErrorCode::InvalidCommand);
        assert_eq!(code(r#"{"channel":"a"}"#), ErrorCode::MissingField);
        assert_eq!(code(r#"{"data":1}"#), ErrorCode::MissingField);
        assert_eq!(
            code(r#"{"channel":"a","user":"u","data":1}"#),
            ErrorCode::MissingField
        );
        assert_eq!(
            code(r#"{"channel":"","data":1}"#),
            ErrorCode::InvalidChannel
        );
        assert_eq!(
            code(r#"{"channel":"$system","data":1}"#),
            ErrorCode::Forbidden
        );
        assert_eq!(
            code(r#"{"channels":[],"data":1}"#),
            ErrorCode::InvalidChannel
        );
        assert_eq!(
            code(r#"{"broadcast":false,"data":1}"#),
            ErrorCode::InvalidCommand
        );
        assert_eq!(
            code(r#"{"channel":"a","data":1,"id":""}"#),
            ErrorCode::InvalidEvent
        );
        assert_eq!(
            code(r#"{"channel":"a","data":1,"id":5}"#),
            ErrorCode::InvalidEvent
        );
        assert_eq!(code(r#"{"user":"","data":1}"#), ErrorCode::InvalidUser);
    }

    #[test]
    fn the_error_of_a_batch_has_the_index_of_the_invalid_event() {
        let text = r#"{"events":[{"channel":"a","data":1},{"channel":"","data":1}]}"#;
        let error = parse_publish_batch(&mut text.as_bytes().to_vec()).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidChannel);
        assert!(error.detail().starts_with("events[1]: "), "{error}");
    }
}
