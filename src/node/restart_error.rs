//! Why histories were not saved or restored.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::history::saved::ReadError;
use crate::hub::SavingError;

/// Why the histories were not saved. They are lost when the process ends: the next one begins new
/// epochs, so clients that resume are told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The drain timeout passed first.
    #[error("the drain timeout passed before the histories were saved")]
    Late,
    /// Another server was started with the same file since, and it has new epochs.
    #[error("another server has been started with the same history file")]
    TakenOver,
    /// The file is marked as that of another server, since this one could not mark it as its own
    /// when it started.
    #[error("the history file could not be marked as that of this server: {0}")]
    NotClaimed(String),
    /// There is a folder, a device or a pipe at the path. It was left alone.
    #[error("the path of the history file is not that of a regular file")]
    NotAFile,
    /// The system refused to write, for example because the disk is full.
    #[error("cannot write the history file: {0}")]
    Io(#[from] io::Error),
}

impl From<SavingError> for SaveError {
    fn from(error: SavingError) -> Self {
        match error {
            SavingError::Late => Self::Late,
            SavingError::Io(error) => Self::Io(error),
        }
    }
}

/// Why no histories were restored. All topics begin new epochs, so clients that resume are told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// There is a file, but it is not used.
    #[error("the history file is not used: {reason}; {aside}")]
    Unusable {
        /// Why.
        reason: Unusable,
        /// Where it is now.
        aside: SetAside,
    },
    /// There is no file, and the folder cannot be written to.
    #[error("histories cannot be saved at the next shutdown: {0}")]
    Folder(#[source] io::Error),
}

/// Why a history file is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// It is a folder or a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// It is so large that this server cannot have written it.
    #[error(
        "its size is {bytes} bytes, more than four times the limit of all histories ({limit} bytes)"
    )]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// Four times the limit of all histories.
        limit: u64,
    },
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// It cannot be removed. After a crash it would be read again, and its numbers would be used a
    /// second time.
    #[error("it cannot be removed: {0}")]
    NotRemoved(#[source] io::Error),
}

/// What became of a history file that is not used.
#[derive(Debug)]
pub enum SetAside {
    /// It was renamed.
    To(PathBuf),
    /// It was renamed, and replaced one that was set aside before.
    Replacing(PathBuf),
    /// It is still there, and must be removed before the next start.
    Failed(io::Error),
    /// It was not touched.
    Untouched,
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To(path) => write!(f, "it was moved to {}", path.display()),
            Self::Replacing(path) => write!(
                f,
                "it was moved to {}, and the one that was there was replaced",
                path.display()
            ),
            Self::Failed(error) => write!(
                f,
                "remove it before the next start, since it could not be moved away: {error}"
            ),
            Self::Untouched => f.write_str("it was not touched"),
        }
    }
}
