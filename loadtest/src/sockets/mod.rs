//! The connections of a run and the threads that own them: workers, which own WebSockets, and publishers.

pub(crate) mod attacks;
mod audit;
mod close_cause;
mod connection;
mod fault_injector;
mod fleet;
pub(crate) mod link;
mod opening;
pub(crate) mod publisher;
mod relay;
mod room_talk;
pub(crate) mod run_state;
mod socket_publisher;
mod stage_driver;
mod stalled;
mod stream_end;
pub(crate) mod worker;
mod worker_context;
