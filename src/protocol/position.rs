//! Positions in a topic's publications, and what can be asked and answered about them.

use std::fmt::Write as _;

/// Longest epoch a client may send, in bytes. The server's own are shorter.
const MAX_EPOCH_BYTES: usize = 64;

/// How far a client has read in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The newest publication it has; 0 before the first.
    pub offset: u64,
    /// The numbering's life.
    pub epoch: Box<str>,
}

impl Position {
    /// A position as a client gives it. `None` when the epoch is empty or too long to be one.
    pub fn new(offset: u64, epoch: &str) -> Option<Self> {
        let valid = (1..=MAX_EPOCH_BYTES).contains(&epoch.len());
        let epoch = epoch.into();
        valid.then_some(Self { offset, epoch })
    }
}

/// What a client that becomes a member wants of the past.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resume {
    /// Everything after this position.
    pub since: Option<Position>,
    /// So many of the newest publications, when there is no `since` that can be recovered.
    pub last: u64,
}

/// Why publications after a position cannot be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrecovered {
    /// The numbering is another: the server restarted, or had forgotten the topic.
    EpochChanged,
    /// The publications after the position are no longer kept.
    HistoryTrimmed,
    /// The position is beyond the topic's newest.
    OffsetAhead,
    /// The topic keeps no history.
    NoHistory,
}

impl Unrecovered {
    /// The reason as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EpochChanged => "epoch_changed",
            Self::HistoryTrimmed => "history_trimmed",
            Self::OffsetAhead => "offset_ahead",
            Self::NoHistory => "no_history",
        }
    }
}

/// The answer to a [`Resume`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed<'a> {
    /// The topic's newest publication and its epoch; `None` where no history is kept.
    pub newest: Option<(u64, &'a str)>,
    /// Whether what was asked for by `since` follows; `None` when it was not asked for.
    pub recovered: Option<Result<(), Unrecovered>>,
    /// Publications that follow before the live ones.
    pub replayed: u64,
}

/// The message with its offset as the last field. `message` is one JSON object that is not empty.
pub fn with_offset(message: &str, offset: u64) -> String {
    let mut text = String::with_capacity(message.len() + 32);
    text.push_str(message.strip_suffix('}').unwrap_or(message));
    // Writing to a String cannot fail.
    let _ = write!(text, ",\"offset\":{offset}}}");
    text
}

/// Which part of a history is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The newest.
    Newest,
    /// The newest before this offset.
    Before(u64),
    /// The oldest after this offset.
    After(u64),
}

/// A request for a part of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryRequest {
    /// Which part.
    pub direction: Direction,
    /// At most so many publications.
    pub limit: usize,
}

/// Publications a page of history has unless something else is asked for.
const DEFAULT_HISTORY_LIMIT: usize = 100;
/// Most publications of a page.
const MAX_HISTORY_LIMIT: usize = 1000;

impl HistoryRequest {
    /// A request from its parts. `None` when `limit` is not 1 to 1000, or when both `before` and `after` are given.
    pub fn new(before: Option<u64>, after: Option<u64>, limit: Option<u64>) -> Option<Self> {
        let limit = match limit {
            None => DEFAULT_HISTORY_LIMIT,
            Some(limit) => usize::try_from(limit).ok()?,
        };
        let direction = match (before, after) {
            (None, None) => Direction::Newest,
            (Some(offset), None) => Direction::Before(offset),
            (None, Some(offset)) => Direction::After(offset),
            (Some(_), Some(_)) => return None,
        };
        (1..=MAX_HISTORY_LIMIT)
            .contains(&limit)
            .then_some(Self { direction, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_stands_last() {
        assert_eq!(
            with_offset(r#"{"type":"event","data":{}}"#, 42),
            r#"{"type":"event","data":{},"offset":42}"#
        );
    }

    #[test]
    fn a_position_and_a_page_have_bounds() {
        assert!(Position::new(0, "e").is_some());
        assert_eq!(Position::new(0, ""), None);
        assert_eq!(Position::new(0, &"e".repeat(65)), None);
        assert_eq!(HistoryRequest::new(None, None, Some(0)), None);
        assert_eq!(HistoryRequest::new(None, None, Some(1001)), None);
        assert_eq!(HistoryRequest::new(Some(1), Some(1), None), None);
        assert_eq!(HistoryRequest::new(None, None, None).unwrap().limit, 100);
    }
}
