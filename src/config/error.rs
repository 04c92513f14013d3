//! Why a configuration is invalid.

use std::fmt;

/// A setting with an invalid value. Settings are named by their keys in the configuration file,
/// such as `outbox.bytes`; those that only the library has, by their fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value is below its range.
    #[error("{key} must be at least {least}")]
    TooSmall {
        /// The setting.
        key: &'static str,
        /// The smallest value it may have.
        least: &'static str,
    },
    /// A value is above its range.
    #[error("{key} must be at most {most}")]
    TooLarge {
        /// The setting.
        key: &'static str,
        /// The largest value it may have.
        most: &'static str,
    },
    /// A value means nothing unless another one is set.
    #[error("{key} needs {needed}")]
    Missing {
        /// The setting.
        key: &'static str,
        /// The setting that it needs.
        needed: &'static str,
    },
    /// Two values contradict each other.
    #[error("{key} ({value}) {relation} {other} ({other_value})")]
    Mismatch {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
        /// How it must compare to the other value.
        relation: Relation,
        /// The other setting.
        other: &'static str,
        /// The other setting's value.
        other_value: String,
    },
}

/// How the value of one setting must compare to that of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Must be a longer time.
    Longer,
    /// Must be larger, by at least this number of bytes.
    Larger(usize),
}

impl Relation {
    /// The same relation, seen from the other setting.
    pub fn inverse(self) -> impl fmt::Display {
        match self {
            Self::Longer => "must be shorter than".to_owned(),
            Self::Larger(bytes) => format!("must be at least {bytes} bytes smaller than"),
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Longer => f.write_str("must be longer than"),
            Self::Larger(bytes) => write!(f, "must be at least {bytes} bytes larger than"),
        }
    }
}
