//! Errors of reading and writing reports.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a report could not be written or read.
#[derive(Debug, Error)]
pub(crate) enum ReportError {
    #[error("cannot write {path}: {source}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read {path}: {source}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is not a loadtest result: {cause}", path = path.display())]
    NotAResult { path: PathBuf, cause: String },
    #[error("cannot decode the histogram of {name}: {cause}")]
    Histogram { name: String, cause: String },
}
