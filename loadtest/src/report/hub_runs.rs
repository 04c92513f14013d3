//! The runs of one hub in a comparison.

use crate::result::run_result::RunResult;

/// The runs of one hub.
#[derive(Clone, Debug)]
pub(crate) struct HubRuns {
    pub(crate) name: String,
    pub(crate) runs: Vec<RunResult>,
}
