//! Whether users are listed, or only counted because there are too many.

/// Whether a list is made of the users. It becomes numbers alone above a limit, and a list again at half of
/// it, so that it does not change back and forth at the limit.
#[derive(Debug)]
pub(super) struct Form {
    max_users: usize,
    /// Maximum size of the list, in bytes of JSON.
    max_bytes: usize,
    is_list: bool,
    /// Whether it has changed since those who watch were last told.
    pub(super) has_changed: bool,
}

impl Form {
    pub(super) fn new(max_users: usize, max_bytes: usize) -> Self {
        Self {
            max_users,
            max_bytes,
            is_list: max_users > 0,
            has_changed: false,
        }
    }

    /// What a list of this many bytes takes, if another one is made in its place when it is too large.
    pub(super) fn bounded(&self, bytes: usize) -> usize {
        bytes.min(self.max_bytes)
    }

    /// Whether a list of this many bytes is too large.
    pub(super) fn is_too_large(&self, bytes: usize) -> bool {
        bytes > self.max_bytes
    }

    pub(super) fn is_list(&self) -> bool {
        self.is_list
    }

    /// Decides anew, for this many users, whose list has this size. Whether that changed anything.
    pub(super) fn decide(&mut self, users: usize, bytes: usize) -> bool {
        let fits = |part: usize| {
            // Half of one user is still one.
            users <= (self.max_users / part).max(1) && bytes <= self.max_bytes / part
        };
        let is_list = self.max_users > 0 && fits(if self.is_list { 1 } else { 2 });
        let changes = is_list != self.is_list;
        self.is_list = is_list;
        self.has_changed |= changes;
        changes
    }
}
