//! Reading a page of a history.

/// Publications per page unless a limit is given.
const DEFAULT_LIMIT: usize = 100;
/// Maximum number of publications per page.
const MAX_LIMIT: usize = 1000;

/// Which page of a history.
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
    /// Which page.
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
    /// A request from its parts. `None` if `limit` is not 1 to 1000, or if both `before` and
    /// `after` are given. Without a `limit`, 100.
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
    fn a_page_has_bounds() {
        assert_eq!(HistoryRequest::new(None, None, Some(0)), None);
        assert_eq!(HistoryRequest::new(None, None, Some(1001)), None);
        assert_eq!(HistoryRequest::new(Some(1), Some(1), None), None);
        assert_eq!(HistoryRequest::new(None, None, None).unwrap().limit, 100);
    }
}
