//! What a run does and when, decided before it starts: pure arithmetic.

pub(crate) mod cohort;
pub(crate) mod phase;
pub(crate) mod popularity;
pub(crate) mod run_plan;
pub(crate) mod schedule;
