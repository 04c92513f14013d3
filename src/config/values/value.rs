//! Values of settings, as they are written and as they are read.

use std::fmt;
use std::time::Duration;

use super::listen::Listen;

/// A value as it is written, before it is known which kind it has to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    /// The text of a flag or a variable, without the white space around it.
    Text(String),
    /// A string of the file.
    String(String),
    /// An integer of the file.
    Integer(i128),
    /// A boolean of the file.
    Boolean(bool),
    /// An array of the file.
    List(Vec<Raw>),
    /// Anything else in the file, as it is written there.
    Other(String),
}

impl Raw {
    /// The value of a flag or a variable.
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.trim().to_owned())
    }

    /// The value without quotation marks, for a message about one that was understood.
    pub(crate) fn bare(&self) -> String {
        match self {
            Self::Text(text) | Self::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        }
    }
}

/// The value in quotation marks if it is a text, for a message about one that was not
/// understood.
impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::String(text) => write!(f, "{text:?}"),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(on) => on.fmt(f),
            Self::List(_) => f.write_str("a list"),
            Self::Other(written) => f.write_str(written),
        }
    }
}

/// A value that a setting may have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Switch(bool),
    Number(u64),
    Size(usize),
    Time(Duration),
    Address(Listen),
    Text(String),
    List(Vec<String>),
}

/// Puts a value where it belongs. A place of another type keeps what it has; the test of the
/// table of settings finds that.
pub(crate) fn put<T: TryFrom<Value>>(place: &mut T, value: Value) {
    if let Ok(value) = value.try_into() {
        *place = value;
    }
}

macro_rules! convert {
    ($($type:ty: $pattern:pat => $value:expr;)+) => {$(
        impl TryFrom<Value> for $type {
            type Error = Value;

            fn try_from(value: Value) -> Result<Self, Value> {
                match value {
                    $pattern => Ok($value),
                    other => Err(other),
                }
            }
        }
    )+};
}

convert! {
    bool: Value::Switch(on) => on;
    Duration: Value::Time(time) => time;
    Listen: Value::Address(listen) => listen;
    String: Value::Text(text) => text;
    Vec<String>: Value::List(list) => list;
}

impl TryFrom<Value> for usize {
    type Error = Value;

    fn try_from(value: Value) -> Result<Self, Value> {
        match value {
            Value::Size(size) => Ok(size),
            Value::Number(number) => Self::try_from(number).map_err(|_| value),
            other => Err(other),
        }
    }
}

impl TryFrom<Value> for u32 {
    type Error = Value;

    fn try_from(value: Value) -> Result<Self, Value> {
        match value {
            Value::Number(number) => Self::try_from(number).map_err(|_| value),
            other => Err(other),
        }
    }
}
