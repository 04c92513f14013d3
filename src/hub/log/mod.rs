//! Histories: each topic's log, the budget that all logs share, and the sweeper that enforces
//! their limits.

mod budget;
mod sweeper;
mod topic_log;

pub(super) use budget::Budget;
pub(super) use sweeper::Sweeper;
pub(super) use topic_log::{Replay, Sequenced, TopicLog};
