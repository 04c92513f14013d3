//! Why saved histories cannot be read.

use std::io;

/// Why saved histories cannot be read. None of them may be used then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes do not begin as saved histories do.
    #[error("it is not a history file")]
    NotAHistory,
    /// Another version of the server wrote them.
    #[error("its format is version {0}, and this server reads version 01")]
    OtherVersion(String),
    /// They end before the record that marks the end.
    #[error("it is truncated after {0} records")]
    Truncated(u64),
    /// The checksum or the contents of a record are wrong.
    #[error("it is damaged after {0} records")]
    Damaged(u64),
    /// The system refused to read.
    #[error(transparent)]
    Io(#[from] io::Error),
}
