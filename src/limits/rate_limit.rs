//! A rate with its burst.

use super::rate::Rate;

/// So many at once, and after that so many per unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How fast a bucket fills.
    pub rate: Rate,
    /// How much a full bucket holds; at least 1.
    pub burst: u64,
}

impl RateLimit {
    /// This rate, with a burst.
    pub const fn new(rate: Rate, burst: u64) -> Self {
        Self {
            rate,
            burst: if burst == 0 { 1 } else { burst },
        }
    }
}
