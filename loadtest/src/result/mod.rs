//! The result of a run: what is written to files, rendered and compared.

pub mod metric;
pub mod run_result;
