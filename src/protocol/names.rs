//! Names of rooms, channels and users. They are checked once, when they are created.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::error_code::ErrorCode;

/// Maximum length of an event's id or name, in bytes.
const MAX_LABEL_BYTES: usize = 200;

/// Maximum length of a name, in bytes of UTF-8.
pub(super) const MAX_NAME_BYTES: usize = 200;

/// Maximum length of a user id, in bytes of UTF-8: `$user:<id>` is the name of a channel.
const MAX_USER_BYTES: usize = MAX_NAME_BYTES - USER_PREFIX.len();

/// Why a name or an id is invalid. The texts are about whichever of them it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It is longer than 200 bytes of UTF-8.
    #[error("must be at most {MAX_NAME_BYTES} bytes long")]
    TooLong,
    /// The user id is longer than 194 bytes of UTF-8.
    #[error("must be at most {MAX_USER_BYTES} bytes long")]
    UserTooLong,
    /// It contains a control character (U+0000–U+001F, U+007F–U+009F).
    #[error("must not contain control characters")]
    ControlCharacter,
    /// The name starts with `$`, which is reserved for the server's own channels.
    #[error("must not start with $, which is reserved")]
    Reserved,
}

impl NameError {
    /// The code of a client's command about such a channel. Names that are not those of a client are
    /// forbidden, whether there is such a channel or not.
    pub(crate) fn channel_code(self) -> ErrorCode {
        match self {
            Self::Reserved => ErrorCode::Forbidden,
            _ => ErrorCode::InvalidChannel,
        }
    }
}

fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        Err(NameError::Empty)
    } else if name.len() > MAX_NAME_BYTES {
        Err(NameError::TooLong)
    } else if name.chars().any(char::is_control) {
        Err(NameError::ControlCharacter)
    } else {
        Ok(())
    }
}

macro_rules! shared_name {
    ($type:ident) => {
        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name as shared text.
            pub fn as_shared(&self) -> &Arc<str> {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }
    };
}

/// The name of a room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoomName(Arc<str>);
shared_name!(RoomName);

impl RoomName {
    /// Checks a room's name: 1–200 bytes, no control characters, no leading `$`.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check(name)?;
        if name.starts_with('$') {
            return Err(NameError::Reserved);
        }
        Ok(Self(name.into()))
    }
}

/// The id of an authenticated user. One user can have many clients.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserId(Arc<str>);
shared_name!(UserId);

impl UserId {
    /// Checks a user id: 1–194 bytes, so that `$user:<id>` is a valid channel name, and no
    /// control characters.
    pub fn new(id: &str) -> Result<Self, NameError> {
        if id.len() > MAX_USER_BYTES {
            return Err(NameError::UserTooLong);
        }
        check(id)?;
        Ok(Self(id.into()))
    }
}

const ALL: &str = "$all";
const SYSTEM: &str = "$system";
const USER_PREFIX: &str = "$user:";

/// Whether every connection receives the channel with this name without subscribing.
pub(super) fn reaches_everyone(channel: &str) -> bool {
    matches!(channel, ALL | SYSTEM)
}

/// The name of the channel of a user.
pub(crate) fn user_channel(user: &str) -> String {
    format!("{USER_PREFIX}{user}")
}

/// The user whose channel has this name, if it is the channel of a user.
pub(crate) fn user_of(channel: &str) -> Option<&str> {
    channel.strip_prefix(USER_PREFIX)
}

/// The name of a channel, including the server's reserved channels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChannelName(Arc<str>);
shared_name!(ChannelName);

impl ChannelName {
    /// Checks a channel's name: 1–200 bytes, no control characters, and a leading `$` only in
    /// `$all`, `$system` and `$user:<id>`.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check(name)?;
        if name.starts_with('$') {
            match name.strip_prefix(USER_PREFIX) {
                Some(id) if !id.is_empty() => drop(UserId::new(id)?),
                None if name == ALL || name == SYSTEM => {}
                _ => return Err(NameError::Reserved),
            }
        }
        Ok(Self(name.into()))
    }

    /// `$all`, which every connection receives.
    pub fn all() -> Self {
        Self(ALL.into())
    }

    /// `$system`, the server's own notices, which every connection receives.
    pub fn system() -> Self {
        Self(SYSTEM.into())
    }

    /// `$user:<id>`, which every connection of that user receives.
    pub fn of_user(user: &UserId) -> Self {
        Self(user_channel(user.as_str()).into())
    }

    /// Whether every connection receives this channel without subscribing.
    pub fn reaches_everyone(&self) -> bool {
        reaches_everyone(self.as_str())
    }

    /// Whether this is `$system`, to which only the server publishes.
    pub fn is_system(&self) -> bool {
        self.as_str() == SYSTEM
    }

    /// The user whose connections receive this channel without subscribing.
    pub fn user(&self) -> Option<&str> {
        user_of(&self.0)
    }

    /// Whether the server decides who receives this channel.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with('$')
    }
}

/// Checks an event's id or name.
pub(super) fn check_label(label: &str) -> Result<(), NameError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_names_are_checked() {
        assert_eq!(RoomName::new(""), Err(NameError::Empty));
        assert_eq!(RoomName::new("a\u{7}b"), Err(NameError::ControlCharacter));
        assert_eq!(RoomName::new(&"x".repeat(201)), Err(NameError::TooLong));
        assert_eq!(RoomName::new("$all"), Err(NameError::Reserved));
        assert!(RoomName::new(&"x".repeat(200)).is_ok());
        assert!(RoomName::new("größe 🙂").is_ok());
    }

    #[test]
    fn only_reserved_channels_start_with_a_dollar() {
        assert!(ChannelName::new("$all").is_ok_and(|c| c.reaches_everyone()));
        assert!(ChannelName::new("$user:7").is_ok_and(|c| c.user() == Some("7")));
        assert_eq!(ChannelName::new("$other"), Err(NameError::Reserved));
        assert_eq!(ChannelName::new("$user:"), Err(NameError::Reserved));
        assert!(ChannelName::new("price$").is_ok_and(|c| !c.is_reserved()));
    }

    #[test]
    fn the_channel_of_any_user_has_a_valid_name() {
        let longest = UserId::new(&"u".repeat(194)).unwrap();
        assert!(ChannelName::new(ChannelName::of_user(&longest).as_str()).is_ok());
        let too_long = UserId::new(&"u".repeat(195)).unwrap_err();
        assert_eq!(too_long.to_string(), "must be at most 194 bytes long");
    }
}
