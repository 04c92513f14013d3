//! Requests for a page of a topic's history.

/// Publications per page unless a limit is given.
const DEFAULT_LIMIT: usize = 100;
/// Maximum number of publications per page.
const MAX_LIMIT: usize = 1000;

/// Which part of a history to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The newest publications.
    Newest,
    /// The newest publications before this offset.
    Before(u64),
    /// The oldest publications after this offset.
    After(u64),
}

/// A request for a page of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryRequest {
    /// Which part of the history to read.
    pub direction: Direction,
    /// Maximum number of publications.
    pub limit: usize,
}

impl Default for HistoryRequest {
    /// The 100 newest publications.
    fn default() -> Self {
        Self {
            direction: Direction::Newest,
            limit: DEFAULT_LIMIT,
        }
    }
}

impl HistoryRequest {
    /// A request from its parameters. `limit` defaults to 100. Returns `None` if `limit` is not
    /// between 1 and 1000, or if both `before` and `after` are given.
    pub fn new(before: Option<u64>, after: Option<u64>, limit: Option<u64>) -> Option<Self> {
        let limit = match limit {
            None => DEFAULT_LIMIT,
            Some(limit) => usize::try_from(limit).ok()?,
        };
        let direction = match (before, after) {
            (None, None) => Direction::Newest,
            (Some(offset), None) => Direction::Before(offset),
            (None, Some(offset)) => Direction::After(offset),
            (Some(_), Some(_)) => return None,
        };
        (1..=MAX_LIMIT)
            .contains(&limit)
            .then_some(Self { direction, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_and_direction_of_a_page_are_checked() {
        assert_eq!(HistoryRequest::new(None, None, Some(0)), None);
        assert_eq!(HistoryRequest::new(None, None, Some(1001)), None);
        assert_eq!(HistoryRequest::new(Some(1), Some(1), None), None);
        assert_eq!(HistoryRequest::new(None, None, None).unwrap().limit, 100);
    }
}
