//! The result of a run: everything that is written to a file, rendered or compared, and nothing else.

pub mod metric;
pub mod run_result;
