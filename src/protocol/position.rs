//! Positions in a topic's stream, and resuming from one.

use std::sync::Arc;

/// Maximum length of an epoch that a client may send, in bytes. The server's are shorter.
const MAX_EPOCH_BYTES: usize = 64;

/// A client's position in a topic's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Offset of the newest publication that the client has; 0 before the first.
    pub offset: u64,
    /// The epoch that the offset belongs to.
    pub epoch: Box<str>,
}

impl Position {
    /// A position as a client sends it. `None` if the epoch is empty or longer than 64 bytes.
    pub fn new(offset: u64, epoch: &str) -> Option<Self> {
        let valid = (1..=MAX_EPOCH_BYTES).contains(&epoch.len());
        let epoch = epoch.into();
        valid.then_some(Self { offset, epoch })
    }
}

/// The newest position of a topic's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTop {
    /// Offset of the newest publication; 0 before the first.
    pub offset: u64,
    /// Identity of the stream. A new epoch means that the history was lost.
    pub epoch: Arc<str>,
}

/// A request for past publications, made when joining or subscribing. With one, each
/// publication carries its offset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResumeRequest {
    /// Replay everything after this position.
    pub since: Option<Position>,
    /// Replay this many of the newest publications, if `since` is absent or cannot be recovered.
    /// Default: none.
    pub last: Option<u64>,
}

/// The answer to a [`ResumeRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumption {
    /// The topic's newest position; `None` if it keeps no history.
    pub top: Option<StreamTop>,
    /// Whether everything after `since` is replayed; `None` if there was no `since`.
    pub recovered: Option<Result<(), Unrecovered>>,
    /// Whether the newest publications were requested, with `last`, even if no more than 0.
    pub last_requested: bool,
    /// The number of publications that are replayed.
    pub replayed: u64,
}

impl Resumption {
    /// The answer of a topic that keeps no history.
    pub fn without_history(request: &ResumeRequest) -> Self {
        let since = request.since.as_ref();
        Self {
            top: None,
            recovered: since.map(|_| Err(Unrecovered::NoHistory)),
            last_requested: request.last.is_some(),
            replayed: 0,
        }
    }

    /// The answer to a client that may not read the past, whether the topic keeps any or not.
    pub fn without_right(request: &ResumeRequest) -> Self {
        let asks = request.since.is_some() || request.last.is_some();
        Self {
            recovered: asks.then_some(Err(Unrecovered::NoHistory)),
            last_requested: false,
            ..Self::without_history(request)
        }
    }
}

/// Why the publications after a position cannot all be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrecovered {
    /// The epoch has changed: the server has restarted, or had forgotten the topic.
    EpochChanged,
    /// Some publications after the position are no longer kept.
    HistoryTrimmed,
    /// The position is ahead of the topic's newest publication.
    OffsetAhead,
    /// The topic keeps no history.
    NoHistory,
}

impl Unrecovered {
    /// The reason on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EpochChanged => "epoch_changed",
            Self::HistoryTrimmed => "history_trimmed",
            Self::OffsetAhead => "offset_ahead",
            Self::NoHistory => "no_history",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_an_epoch_is_limited() {
        assert!(Position::new(0, "e").is_some());
        assert_eq!(Position::new(0, ""), None);
        assert_eq!(Position::new(0, &"e".repeat(65)), None);
    }
}
