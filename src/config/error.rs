//! Why a configuration cannot work.

use std::fmt;

/// A setting whose value cannot work. Settings are named by their keys in the configuration
/// file, such as `outbox.bytes`; those that only a library has, by their fields.
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
    /// Two values do not fit together.
    #[error("{key} ({value}) {relation} {other} ({other_value})")]
    Mismatch {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it must be to the other one.
        relation: Relation,
        /// The other setting.
        other: &'static str,
        /// The other one's value.
        other_value: String,
    },
}

/// What the value of one setting must be to that of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// A longer time.
    Longer,
    /// A larger size, by this number of bytes.
    Larger(usize),
}

impl Relation {
    /// The same from the other setting's side.
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
