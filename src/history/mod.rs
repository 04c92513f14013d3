//! What a topic remembers: a bounded run of its newest publications, numbered without a
//! gap. Pure data; the time is passed in.

mod limits;
mod ring;

pub use limits::HistoryLimits;
pub use ring::{History, Page};
