//! Values of settings, before and after parsing.

use std::fmt;
use std::time::Duration;

use super::listen::Listen;
use crate::limits::Rate;

/// A value as it was written, before it is parsed as the kind of its setting.
#[derive(Clone, PartialEq)]
pub(crate) enum Raw {
    /// The text of a flag or a variable, without surrounding white space.
    Text(String),
    /// A string in the file.
    String(String),
    /// An integer in the file.
    Integer(i128),
    /// A boolean in the file.
    Boolean(bool),
    /// An array in the file.
    List(Vec<Raw>),
    /// Anything else in the file, as it was written.
    Other(String),
}

impl Raw {
    /// The value of a flag or a variable.
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.trim().to_owned())
    }

    /// The value without quotation marks, for a message about one that could be parsed.
    pub(crate) fn bare(&self) -> String {
        match self {
            Self::Text(text) | Self::String(text) if is_contents(text) => self.to_string(),
            Self::Text(text) | Self::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        }
    }
}

/// Whether a text is that of a file, such as a private key, in place of a path or a short value.
pub(crate) fn is_contents(text: &str) -> bool {
    text.contains("-----BEGIN") || text.trim().contains(['\n', '\r'])
}

/// As in messages: it may be a private key that was put in a wrong place.
impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The value, with quotation marks if it is text, for a message about one that could not be
/// parsed.
impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::String(text) if is_contents(text) => {
                f.write_str("the text of a file")
            }
            Self::Text(text) | Self::String(text) => write!(f, "{text:?}"),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(on) => on.fmt(f),
            Self::List(_) => f.write_str("a list"),
            Self::Other(written) => f.write_str(written),
        }
    }
}

/// A parsed value of a setting.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Switch(bool),
    Number(u64),
    Size(usize),
    Time(Duration),
    Address(Listen),
    NoAddress,
    Text(String),
    List(Vec<String>),
    /// `None` for no limit.
    Rate(Option<Rate>),
}

/// Sets a field of the configuration. A field of another type stays unchanged; the tests of the
/// table of settings would find such a mistake.
pub(crate) fn put<T: TryFrom<Value>>(field: &mut T, value: Value) {
    if let Ok(value) = value.try_into() {
        *field = value;
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
    Option<Rate>: Value::Rate(rate) => rate;
    u64: Value::Number(number) => number;
}

impl TryFrom<Value> for Option<Listen> {
    type Error = Value;

    fn try_from(value: Value) -> Result<Self, Value> {
        match value {
            Value::Address(listen) => Ok(Some(listen)),
            Value::NoAddress => Ok(None),
            other => Err(other),
        }
    }
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
