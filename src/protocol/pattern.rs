//! Patterns of names, as in rules and rights.

use super::names::MAX_NAME_BYTES;

/// The user's own id, as a whole segment of a pattern.
const USER: &str = "{user}";

/// What separates the segments of a name.
const SEPARATOR: char = ':';

/// A pattern of names of rooms or channels.
///
/// `*` is any run of characters and `?` any one character, a `:` too. `{user}` is a user id; it is a
/// whole segment, between `:` or the ends. Everything else is compared as it is, so no character of
/// a name or an id is special.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: Box<str>,
    /// Looked for once, because a name may be compared with many patterns.
    has_user: bool,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It is longer than a name may be.
    #[error("must be at most {MAX_NAME_BYTES} bytes long")]
    TooLong,
    /// It contains a control character, which no name has.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// `{user}` is only a part of a segment.
    #[error("has `{{user}}` beside other text; it must be a whole segment between `:` or the ends")]
    UserInSegment,
}

/// What `{user}` stands for.
#[derive(Debug, Clone, Copy)]
enum UserSegment<'a> {
    Any,
    Id(&'a str),
}

impl Pattern {
    /// Checks a pattern: 1–200 bytes, no control characters, `{user}` only as a whole segment.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(PatternError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(PatternError::ControlCharacter);
        }
        let has_part = |segment: &str| segment != USER && segment.contains(USER);
        if text.split(SEPARATOR).any(has_part) {
            return Err(PatternError::UserInSegment);
        }
        Ok(Self {
            text: text.into(),
            has_user: text.contains(USER),
        })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `{user}` is in it.
    pub fn has_user(&self) -> bool {
        self.has_user
    }

    /// Whether the name matches, where `{user}` stands for any one segment: one or more characters
    /// other than `:`.
    pub fn matches_any_user(&self, name: &str) -> bool {
        self.matches_with(name, UserSegment::Any)
    }

    /// Whether the name matches, where `{user}` stands for this id, compared as it is. Without a
    /// user, a pattern with `{user}` matches nothing.
    ///
    /// An id with a `:` matches nothing if the pattern has a wildcard too: otherwise
    /// `docs:{user}:*` of the user `x` would reach `docs:x:y:1` of the user `x:y`.
    pub fn matches(&self, name: &str, user: Option<&str>) -> bool {
        if !self.has_user() {
            return self.matches_with(name, UserSegment::Any);
        }
        match user {
            None | Some("") => false,
            Some(id) if id.contains(SEPARATOR) && self.has_wildcard() => false,
            Some(id) => self.matches_with(name, UserSegment::Id(id)),
        }
    }

    fn has_wildcard(&self) -> bool {
        self.text.contains(['*', '?'])
    }

    /// Only the last `*` is ever retried. That is enough: where the part of the pattern between two
    /// `*` ends depends on where it begins, and the earlier it begins, the earlier it ends.
    fn matches_with(&self, name: &str, user: UserSegment<'_>) -> bool {
        let pattern = self.text.as_bytes();
        // Most patterns of a long list differ in their first character.
        match (pattern.first(), name.as_bytes().first()) {
            (Some(b'*' | b'?' | b'{'), _) => {}
            (first, of_name) if first != of_name => return false,
            _ => {}
        }
        let (mut at, mut read) = (0, 0);
        // Behind the last `*`, and how far the name was read when it was met or retried.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let rest = name.get(read..).unwrap_or_default();
            let step = match pattern.get(at) {
                None if rest.is_empty() => return true,
                None => None,
                Some(b'*') => {
                    at += 1;
                    retry = Some((at, read));
                    continue;
                }
                Some(b'?') => first_char(rest).map(|bytes| (1, bytes)),
                Some(b'{') if self.is_user_at(at) => {
                    user.prefix_of(rest).map(|bytes| (USER.len(), bytes))
                }
                Some(_) => self.literal_at(at, rest),
            };
            if let Some((in_pattern, in_name)) = step {
                at += in_pattern;
                read += in_name;
                continue;
            }
            // The last `*` takes one character more.
            let Some((behind, from)) = retry else {
                return false;
            };
            let Some(bytes) = name.get(from..).and_then(first_char) else {
                return false;
            };
            (at, read) = (behind, from + bytes);
            retry = Some((at, read));
        }
    }

    fn is_user_at(&self, at: usize) -> bool {
        self.text
            .get(at..)
            .is_some_and(|rest| rest.starts_with(USER))
    }

    /// The length of the pattern's next character, in the pattern and in the name.
    fn literal_at(&self, at: usize, rest: &str) -> Option<(usize, usize)> {
        let literal = self.text.get(at..)?.chars().next()?;
        rest.starts_with(literal)
            .then_some((literal.len_utf8(), literal.len_utf8()))
    }
}

impl UserSegment<'_> {
    /// The length of what it stands for at the beginning of the text.
    fn prefix_of(self, text: &str) -> Option<usize> {
        let bytes = match self {
            Self::Id(id) => text.starts_with(id).then_some(id.len())?,
            Self::Any => text.find(SEPARATOR).unwrap_or(text.len()),
        };
        (bytes > 0).then_some(bytes)
    }
}

fn first_char(text: &str) -> Option<usize> {
    text.chars().next().map(char::len_utf8)
}

#[cfg(test)]
mod tests;
