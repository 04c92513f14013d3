//! Events: what backends publish and clients receive.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use serde::Serialize;
use uuid::Uuid;

use super::{Json, NameError};

/// Maximum length of an event's id or name, in bytes.
const MAX_LABEL_BYTES: usize = 200;

/// An event's id: the publisher's idempotency key, or `evt_` and a time-ordered UUID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct EventId(Box<str>);

impl EventId {
    /// A new id, greater than those generated before it.
    pub fn generate() -> Self {
        Self(format!("evt_{}", Uuid::now_v7().simple()).into())
    }

    /// Checks a publisher's id: 1–200 bytes, no control characters.
    pub fn new(id: &str) -> Result<Self, NameError> {
        check_label(id)?;
        Ok(Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for EventId {
    type Err = NameError;

    fn from_str(id: &str) -> Result<Self, NameError> {
        Self::new(id)
    }
}

/// An event's name, such as `order.created`: the publisher's name for this kind of event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct EventName(Box<str>);

impl EventName {
    /// Checks an event's name: 1–200 bytes, no control characters.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_label(name)?;
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for EventName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

fn check_label(label: &str) -> Result<(), NameError> {
    if label.is_empty() {
        Err(NameError::Empty)
    } else if label.len() > MAX_LABEL_BYTES {
        Err(NameError::TooLong)
    } else if label.chars().any(char::is_control) {
        Err(NameError::ControlCharacter)
    } else {
        Ok(())
    }
}

/// Formats a time as RFC 3339 in UTC with milliseconds.
pub fn timestamp(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

/// A published event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The event's id.
    pub id: EventId,
    /// When the server accepted the event: RFC 3339 in UTC with milliseconds.
    pub timestamp: String,
    /// The publisher's name for this kind of event.
    pub name: Option<EventName>,
    /// The payload.
    pub data: EventData,
}

/// An event's payload as the members of a JSON object, ready to follow `id` and
/// `timestamp` in one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventData(String);

impl EventData {
    /// A payload from its members, each preceded by a comma.
    pub(crate) fn from_members(members: String) -> Self {
        Self(members)
    }

    /// The payload as one JSON object.
    pub fn to_json(&self) -> Json {
        let members = self.0.strip_prefix(',').unwrap_or_default();
        Json::from_text(format!("{{{members}}}"))
    }

    /// The members, each preceded by a comma.
    pub(crate) fn members(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ids_are_in_ascending_order() {
        let (a, b) = (EventId::generate(), EventId::generate());
        assert!(a.as_str() < b.as_str() && a.as_str().starts_with("evt_"));
    }
}
