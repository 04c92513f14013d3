//! Histories: each topic's log, the budgets that logs share, and the sweeper that enforces
//! their limits.

mod arrivals;
mod budget;
mod lazy_log;
mod owner;
mod pace;
mod schedule;
mod shares;
mod sweeper;
mod topic_log;

pub(super) use arrivals::Arrivals;
pub(super) use budget::{Budget, Budgets};
pub(super) use lazy_log::{LazyLog, LogOrigin};
pub(super) use owner::Owner;
pub(super) use sweeper::Sweeper;
pub use topic_log::{Kept, OutOfOrder};
pub(super) use topic_log::{Replay, Sequenced, TopicLog};
