//! Where a value comes from.

use std::fmt;
use std::sync::Arc;

/// Where a setting gets its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The default: the setting was not given a value.
    Default,
    /// A line of the configuration file, and a column where it helps; both count from 1.
    File {
        path: Arc<str>,
        line: usize,
        column: Option<usize>,
    },
    /// An environment variable, by its name.
    Variable(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl Origin {
    /// The order in which problems are reported: the file line by line, then variables, then
    /// flags.
    pub(super) fn rank(&self) -> (u8, usize) {
        match self {
            Self::Default => (0, 0),
            Self::File { line, .. } => (1, *line),
            Self::Variable(_) => (2, 0),
            Self::Flag(_) => (3, 0),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => {
                write!(f, "{path}:{line}")?;
                column.map_or(Ok(()), |column| write!(f, ":{column}"))
            }
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}
