//! Why a command or request was refused.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::excerpt::{NAME_CHARS, excerpt};
use super::{ErrorCode, TopicName};

/// A name up to this long is repeated as a whole, in bytes. No valid one is longer.
const MAX_REPEATED_BYTES: usize = 256;

/// Why a command or request was refused: the stable code, the subject, and a sentence.
///
/// Each interface converts it into its own kind of answer: an `error` message, problem details
/// (RFC 9457), or a library error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code.
    pub code: ErrorCode,
    /// The room, channel or field that the refusal is about.
    pub subject: Subject,
    detail: Option<Cow<'static, str>>,
    retry: Option<Retry>,
}

/// When something that a limit has refused may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Retry {
    after_ms: u32,
    is_of_bytes: bool,
}

/// What a refusal is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Subject {
    /// The command as a whole.
    #[default]
    None,
    /// A room.
    Room(Box<str>),
    /// A channel.
    Channel(Box<str>),
    /// A field of the command.
    Field(&'static str),
}

impl Refusal {
    /// A refusal whose detail is the code's own message.
    pub fn new(code: ErrorCode) -> Self {
        let subject = Subject::None;
        Self {
            code,
            subject,
            detail: None,
            retry: None,
        }
    }

    /// A refusal whose detail is the error and its causes, joined by colons.
    pub fn from_error(code: ErrorCode, error: &dyn Error) -> Self {
        let mut detail = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            detail.push_str(": ");
            detail.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new(code).with_detail(detail)
    }

    /// Names what the refusal is about.
    #[must_use]
    pub fn about(mut self, subject: impl Into<Subject>) -> Self {
        self.subject = subject.into();
        self
    }

    /// Adds what exactly is wrong, for a person.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says after which time there may be room again, rounded up to milliseconds.
    #[must_use]
    pub fn with_retry_after(mut self, time: Duration) -> Self {
        let after_ms = time.as_nanos().div_ceil(1_000_000).max(1);
        self.retry = Some(Retry {
            after_ms: u32::try_from(after_ms).unwrap_or(u32::MAX),
            is_of_bytes: false,
        });
        self
    }

    /// Says that it is the bytes that are limited, not the commands.
    #[must_use]
    pub(crate) fn of_bytes(mut self) -> Self {
        if let Some(retry) = &mut self.retry {
            retry.is_of_bytes = true;
        }
        self
    }

    /// The milliseconds after which to try again, if a limit says so.
    pub fn retry_after_ms(&self) -> Option<u32> {
        self.retry.map(|retry| retry.after_ms)
    }

    /// Whether it is the bytes that are limited.
    pub(crate) fn is_of_bytes(&self) -> bool {
        self.retry.is_some_and(|retry| retry.is_of_bytes)
    }

    /// What exactly is wrong, for a person. Defaults to the code's own message.
    pub fn detail(&self) -> &str {
        self.detail
            .as_deref()
            .unwrap_or_else(|| self.code.message())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl Error for Refusal {}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl From<TopicName<'_>> for Subject {
    fn from(topic: TopicName<'_>) -> Self {
        match topic {
            TopicName::Room(name) => Self::Room(repeated(name).into()),
            TopicName::Channel(name) => Self::Channel(repeated(name).into()),
        }
    }
}

/// As much of a name as an answer repeats.
fn repeated(name: &str) -> &str {
    if name.len() <= MAX_REPEATED_BYTES {
        name
    } else {
        excerpt(name, NAME_CHARS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_repeated_as_a_whole_unless_it_is_far_too_long() {
        let subject = |name: &str| Subject::from(TopicName::Room(name));
        let longest = "ü".repeat(128);
        assert_eq!(subject(&longest), Subject::Room(longest.as_str().into()));
        let longer = format!("{longest}u");
        assert_eq!(subject(&longer), Subject::Room("ü".repeat(64).into()));
        let longer = "u".repeat(257);
        let expected = Subject::Channel("u".repeat(64).into());
        assert_eq!(Subject::from(TopicName::Channel(&longer)), expected);
    }
}
