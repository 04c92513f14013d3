//! A bounded history of a topic's newest publications, with consecutive offsets.
//!
//! Pure data: the current time is passed in.

mod limits;
mod ring;
pub mod saved;

pub use limits::HistoryLimits;
pub use ring::{HistoryRing, Page, Size};
