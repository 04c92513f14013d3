//! Positions, replays and history.

mod history;
pub(crate) mod resuming;
mod under_load;
