//! Why a file of a run was not written or read.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a file was not written or read.
#[derive(Debug, Error)]
pub(crate) enum ReportError {
    #[error("{path} cannot be written: {source}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{path} cannot be read: {source}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is no result of loadtest: {cause}", path = path.display())]
    NotAResult { path: PathBuf, cause: String },
    #[error("the histogram of {name} cannot be read: {cause}")]
    Histogram { name: String, cause: String },
}
