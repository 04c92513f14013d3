//! Events: what backends publish and clients receive.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::names::check_label;
use super::{EventData, EventId, NameError};

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

/// A published event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The event's id.
    pub id: EventId,
    /// When the server accepted the event: RFC 3339 in UTC with milliseconds.
    pub timestamp: String,
    /// The publisher's name for this kind of event.
    pub name: Option<EventName>,
    /// The client that published it: its user, or its client id. `None` for a backend's event.
    pub from: Option<Box<str>>,
    /// The payload.
    pub data: EventData,
}
