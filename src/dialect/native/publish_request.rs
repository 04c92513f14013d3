//! Parses publish requests in native JSON.

use std::borrow::Cow;

use simd_json::prelude::*;
use simd_json::tape::{Object, Value};

use super::envelope::{Payloads, with_envelope};
use crate::protocol::{
    ChannelName, ErrorCode, EventData, EventId, EventName, InvalidTarget, NAME_CHARS, NameError,
    PublishRequest, Refusal, Target, UserId, did_you_mean, excerpt, nearest,
};

/// Maximum number of events per batch.
const MAX_EVENTS: usize = 1000;
/// What is said about an array, or a single event, in place of a batch.
const BATCH_SHAPE: &str = r#"send an object: {"events":[…]}"#;
/// The payload of an event.
const PAYLOAD: &str = "data";
/// The fields of an event.
const FIELDS: [&str; 7] = [
    PAYLOAD,
    "channel",
    "channels",
    "user",
    "broadcast",
    "id",
    "event",
];

/// The fields that name an event's target. Each excludes the others.
const TARGETS: [&str; 4] = ["channel", "channels", "user", "broadcast"];

/// Parses one event: `{"channel":…,"data":…}`, or with `channels`, `user` or `broadcast` instead
/// of `channel`.
pub fn parse_publish_request(text: &[u8]) -> Result<PublishRequest, Refusal> {
    parse(text, |value, payloads| {
        let object = value
            .as_object()
            .ok_or_else(|| refused(ErrorCode::InvalidCommand, "the body must be a JSON object"))?;
        request(&object, payloads)
    })
}

/// Parses a batch: `{"events":[…]}`, each event as for [`parse_publish_request`].
///
/// Errors: one invalid event makes the whole batch invalid; the detail gives its index.
pub fn parse_publish_batch(text: &[u8]) -> Result<Vec<PublishRequest>, Refusal> {
    parse(text, |value, payloads| {
        let missing = || refused(ErrorCode::MissingField, "`events` must be an array");
        let Some(object) = value.as_object() else {
            return Err(refused(ErrorCode::MissingField, BATCH_SHAPE));
        };
        let is_of_event = |key: &str| key == PAYLOAD || TARGETS.contains(&key);
        if object.keys().all(|key| key != "events") && object.keys().any(is_of_event) {
            return Err(refused(ErrorCode::UnknownField, BATCH_SHAPE));
        }
        let [events] = fields(&object, &["events"])?;
        let events = events.and_then(|events| events.as_array());
        let events = events.ok_or_else(missing)?;
        if events.len() > MAX_EVENTS {
            return Err(refused(
                ErrorCode::InvalidCommand,
                format!("a batch can contain at most {MAX_EVENTS} events"),
            ));
        }
        let mut requests = Vec::with_capacity(events.len());
        for (index, item) in events.iter().enumerate() {
            let parsed = match item.as_object() {
                Some(object) => request(&object, payloads),
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
    text: &[u8],
    read: impl FnOnce(Value<'_, '_>, Payloads<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    with_envelope(text, &[PAYLOAD], read).unwrap_or_else(|error| match text {
        [] => Err(refused(ErrorCode::InvalidJson, "the body is empty")),
        _ => Err(refused(ErrorCode::InvalidJson, error.to_string())),
    })
}

/// The values of an object's fields, in the order of `names`. A misspelt field would be lost in
/// silence, and of a repeated one nobody knows which value was meant: both are refused.
fn fields<'tape, 'text, const N: usize>(
    object: &Object<'tape, 'text>,
    names: &[&str; N],
) -> Result<[Option<Value<'tape, 'text>>; N], Refusal> {
    let mut values = [None; N];
    for (key, value) in object {
        let Some(at) = names.iter().position(|&name| name == key) else {
            return Err(unknown_field(key, names));
        };
        if values[at].replace(value).is_some() {
            let detail = format!("field `{key}` is repeated");
            return Err(refused(ErrorCode::InvalidCommand, detail));
        }
    }
    Ok(values)
}

fn unknown_field(key: &str, names: &[&str]) -> Refusal {
    let end = did_you_mean(nearest(key, names.iter().copied()));
    let key = shown(key);
    let detail = format!("unknown field `{key}`{end}");
    refused(ErrorCode::UnknownField, detail)
}

/// As much of a name as an answer repeats.
fn shown(name: &str) -> Cow<'_, str> {
    match excerpt(name, NAME_CHARS) {
        all if all.len() == name.len() => name.into(),
        part => format!("{part}…").into(),
    }
}

fn request(object: &Object<'_, '_>, payloads: Payloads<'_>) -> Result<PublishRequest, Refusal> {
    let [data, optional @ ..] = fields(object, &FIELDS)?;
    let data = data.and_then(|value| payloads.get(&value)).ok_or_else(|| {
        refused(
            ErrorCode::MissingField,
            "`data` is missing; it can be any JSON value",
        )
    })?;
    // `null` is the same as absent.
    let optional = optional.map(|value| value.filter(|value| !value.is_null()));
    let [channel, channels, user, broadcast, id, name] = optional;
    let (text, shape) = data;
    Ok(PublishRequest {
        target: target([channel, channels, user, broadcast])?,
        id: label("id", id, EventId::new)?,
        name: label("event", name, EventName::new)?,
        data: EventData::from_scanned(text, shape),
    })
}

fn label<T>(
    field: &str,
    value: Option<Value<'_, '_>>,
    check: impl FnOnce(&str) -> Result<T, NameError>,
) -> Result<Option<T>, Refusal> {
    let invalid = |reason: &str| refused(ErrorCode::InvalidEvent, format!("`{field}`: {reason}"));
    match value {
        None => Ok(None),
        Some(value) => {
            let text = value.as_str().ok_or_else(|| invalid("must be a string"))?;
            check(text)
                .map(Some)
                .map_err(|error| invalid(&error.to_string()))
        }
    }
}

/// The target, of the values of [`TARGETS`].
fn target(given: [Option<Value<'_, '_>>; 4]) -> Result<Target, Refusal> {
    let mut named = (TARGETS.iter().zip(&given)).filter_map(|(name, value)| value.and(Some(name)));
    match (named.next(), named.next()) {
        (None, _) => {
            return Err(refused(
                ErrorCode::MissingField,
                "one of `channel`, `channels`, `user` and `broadcast` is required",
            ));
        }
        (Some(first), Some(second)) => {
            return Err(refused(
                ErrorCode::InvalidCommand,
                format!("`{first}` and `{second}` exclude each other"),
            ));
        }
        (Some(_), None) => {}
    }
    let [one, channels, user, broadcast] = given;
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
            .map_err(|error| refused(ErrorCode::InvalidUser, format!("`user`: {error}")));
    }
    match broadcast.and_then(|value| value.as_bool()) {
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
    ChannelName::new(name).map_err(|error| {
        let name = shown(name);
        refused(ErrorCode::InvalidChannel, format!("{name:?}: {error}"))
    })
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
mod tests;
