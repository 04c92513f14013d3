//! What is kept of a user who is present.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::protocol::{Identity, Json, PresentUser, UserId};

/// What a user's token says for others to see, and how old the token is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    pub(super) text: Option<Json>,
    /// Unix time in seconds; 0 if the token does not say when it was issued.
    issued: u32,
}

impl Info {
    /// What this identity says. Clones share the text.
    pub fn of(identity: &Identity) -> Self {
        let since = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let issued = identity.issued().map_or(0, |at| since(at).as_secs());
        Self {
            text: identity.info().cloned(),
            issued: u32::try_from(issued).unwrap_or(u32::MAX),
        }
    }

    /// Whether this is of an older token than the other. One that does not say when it was issued
    /// counts as new.
    fn is_older(&self, other: &Self) -> bool {
        self.issued != 0 && self.issued < other.issued
    }
}

/// What others have seen of a user.
pub(super) type Before = Option<Json>;

/// A user who is present, or who has gone and whose going has not been announced.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) user: UserId,
    pub(super) info: Info,
    /// When it arrived, in milliseconds of Unix time.
    since: u64,
    /// 0 while it lingers, and once it has gone.
    pub(super) connections: u32,
    /// Whether those who watch have been told that it is here.
    pub(super) is_told: bool,
    pub(super) is_gone: bool,
}

impl Entry {
    pub(super) fn new(user: UserId, info: Info, at: SystemTime) -> Self {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            user,
            info,
            since: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            connections: 1,
            is_told: false,
            is_gone: false,
        }
    }

    /// Bytes that the entry takes in a list, at most: every character of the user's id may be
    /// escaped.
    pub(super) fn bytes(&self) -> usize {
        let info = self.info.text.as_ref();
        2 * self.user.as_str().len() + info.map_or(0, |info| info.as_str().len()) + 24
    }

    /// Takes what a token says, unless there was a newer one. Returns what others have seen before, if
    /// they see a difference.
    pub(super) fn renew(&mut self, info: Info) -> Option<Before> {
        if info.is_older(&self.info) {
            return None;
        }
        let before = std::mem::replace(&mut self.info, info).text;
        (before != self.info.text).then_some(before)
    }

    pub(super) fn present(&self) -> PresentUser {
        PresentUser {
            user: self.user.clone(),
            info: self.info.text.clone(),
        }
    }

    pub(super) fn item(&self) -> PageItem {
        PageItem {
            present: self.present(),
            connections: self.connections as usize,
            since: UNIX_EPOCH + Duration::from_millis(self.since),
        }
    }
}

/// A user on a page of those who are present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageItem {
    /// The user.
    pub present: PresentUser,
    /// The number of its connections; 0 while it lingers.
    pub connections: usize,
    /// When it arrived.
    pub since: SystemTime,
}
