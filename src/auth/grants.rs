//! The rights that a token grants, or that everybody has without one.

mod claim;
mod table;

pub use self::table::GrantsTable;
use super::action::{Action, Actions};
use crate::protocol::{Pattern, TopicKind};

/// Maximum number of patterns in one [`Grants`].
pub(super) const MAX_PATTERNS: usize = 256;

/// A pattern of names, and what may be done with the topics that match it.
pub type Grant = (Pattern, Actions);

/// Which actions are granted on which rooms and channels. Whose they are is not in it, so all tokens
/// with the same claims share one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Grants {
    channels: Box<[Grant]>,
    rooms: Box<[Grant]>,
}

impl Grants {
    /// The grants on channels, and on rooms.
    pub fn new(channels: Vec<Grant>, rooms: Vec<Grant>) -> Self {
        Self {
            channels: channels.into(),
            rooms: rooms.into(),
        }
    }

    /// The grants of a token, from the JSON texts of its claims `channels` and `rooms`: objects of
    /// patterns with their actions, or lists of patterns.
    ///
    /// Errors: a text for the debug log, if a claim has another form, a pattern or action is
    /// invalid, a pattern is repeated, or there are more than 256 patterns.
    pub fn from_claims(channels: Option<&str>, rooms: Option<&str>) -> Result<Self, String> {
        let mut left = MAX_PATTERNS;
        let mut read = |kind, name: &str, text: Option<&str>| -> Result<Vec<Grant>, String> {
            let Some(text) = text else {
                return Ok(Vec::new());
            };
            let grants = claim::read(kind, text, left);
            let grants = grants.map_err(|error| format!("claim `{name}`: {error}"))?;
            left -= grants.len();
            Ok(grants)
        };
        let channels = read(TopicKind::Channel, "channels", channels)?;
        let rooms = read(TopicKind::Room, "rooms", rooms)?;
        Ok(Self::new(channels, rooms))
    }

    /// Whether the action on this topic is granted to this user, or to a connection without one.
    pub fn allows(&self, kind: TopicKind, name: &str, action: Action, user: Option<&str>) -> bool {
        let grants = match kind {
            TopicKind::Channel => &self.channels,
            TopicKind::Room => &self.rooms,
        };
        grants
            .iter()
            .any(|(pattern, actions)| actions.contains(action) && pattern.matches(name, user))
    }
}

#[cfg(test)]
mod tests;
