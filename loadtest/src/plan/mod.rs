//! What a run does and when. Everything here is decided before the run starts, and computed from indices.

pub(crate) mod arrivals;
pub(crate) mod cohort;
mod commands;
pub(crate) mod heartbeat;
pub(crate) mod phase;
pub(crate) mod popularity;
pub(crate) mod run_plan;
pub(crate) mod schedule;
pub(crate) mod segment;
pub(crate) mod stages;
pub(crate) mod storm;
