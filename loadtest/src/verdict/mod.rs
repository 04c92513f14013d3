//! Whether a run passed: metrics, assertions, and the tester's check of itself.

pub(crate) mod assertion;
pub(crate) mod judge;
#[cfg(test)]
mod judge_tests;
pub(crate) mod known_metrics;
mod metrics;
#[cfg(test)]
mod metrics_names_tests;
#[cfg(test)]
mod metrics_tests;
pub(crate) mod run_record;
pub(crate) mod self_check;
mod stages;
