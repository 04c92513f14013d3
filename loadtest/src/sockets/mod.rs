//! The sockets of a run, and the threads that own them.

pub(crate) mod attacks;
pub(crate) mod audit;
pub(crate) mod connection;
pub(crate) mod publisher;
mod relay;
mod room_talk;
pub(crate) mod run_state;
mod stalled;
pub(crate) mod worker;
