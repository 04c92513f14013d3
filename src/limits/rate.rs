//! A number per unit of time, as it is configured.

use std::fmt;
use std::num::NonZeroU64;

/// More events than this are no limit that could be measured.
const MAX_COUNT: u64 = 10_000_000;
/// The same for bytes.
const MAX_BYTES: u64 = 1 << 40;

/// A number of events, or bytes, per second, minute or hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU64,
    per: Per,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Per {
    Second,
    Minute,
    Hour,
}

/// The text is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateError;

impl Per {
    const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    /// How it is written, and its length in seconds.
    const fn row(self) -> (&'static str, u64) {
        match self {
            Self::Second => ("s", 1),
            Self::Minute => ("m", 60),
            Self::Hour => ("h", 3600),
        }
    }
}

impl Rate {
    /// This many per second; at least 1.
    pub const fn per_second(count: u64) -> Self {
        Self::new(count, Per::Second)
    }

    /// This many per minute; at least 1.
    pub const fn per_minute(count: u64) -> Self {
        Self::new(count, Per::Minute)
    }

    const fn new(count: u64, per: Per) -> Self {
        let count = match NonZeroU64::new(count) {
            Some(count) => count,
            None => NonZeroU64::MIN,
        };
        Self { count, per }
    }

    /// Reads `1000/s`, `20/m` or `5/h`.
    pub fn parse(text: &str) -> Result<Self, RateError> {
        Self::parse_with(text, MAX_COUNT, |count| {
            let is_number = count.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| count.parse().ok()).flatten()
        })
    }

    /// The same for bytes; `read` parses their number, as in `256KiB/s`.
    pub fn parse_bytes(
        text: &str,
        read: impl FnOnce(&str) -> Option<u64>,
    ) -> Result<Self, RateError> {
        Self::parse_with(text, MAX_BYTES, read)
    }

    fn parse_with(
        text: &str,
        max: u64,
        read: impl FnOnce(&str) -> Option<u64>,
    ) -> Result<Self, RateError> {
        let (count, unit) = text.split_once('/').ok_or(RateError)?;
        let (count, unit) = (count.trim(), unit.trim());
        let count = read(count).and_then(NonZeroU64::new).ok_or(RateError)?;
        let mut units = Per::ALL.into_iter();
        let per = units.find(|per| per.row().0 == unit).ok_or(RateError)?;
        if count.get() > max {
            return Err(RateError);
        }
        Ok(Self { count, per })
    }

    /// The number per unit.
    pub const fn count(self) -> u64 {
        self.count.get()
    }

    /// The unit, in nanoseconds.
    pub(super) const fn period(self) -> u64 {
        self.per.row().1 * 1_000_000_000
    }

    /// What comes in one second, and at least one.
    pub const fn of_a_second(self) -> u64 {
        let count = self.count.get() / self.per.row().1;
        if count == 0 { 1 } else { count }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.per.row().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_per_unit() {
        for text in ["1000/s", "20/m", "5/h", "10000000/s"] {
            assert_eq!(Rate::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Rate::parse(" 5 / s ").unwrap().to_string(), "5/s");
        for text in [
            "",
            "1000",
            "/s",
            "0/s",
            "-1/s",
            "+1/s",
            "1.5/s",
            "5/d",
            "5/",
            "10000001/s",
            "5/s/s",
        ] {
            assert_eq!(Rate::parse(text), Err(RateError), "{text}");
        }
    }
}
