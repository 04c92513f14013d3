//! The kinds of values that several settings have.

use std::time::Duration;

use crate::config::values::Kind;

pub(super) const ANY_TIME: Kind = Kind::Time {
    least: Duration::ZERO,
};
pub(super) const TIME: Kind = Kind::Time {
    least: Duration::from_millis(1),
};
pub(super) const SIZE: Kind = Kind::Size { least: 1 };
pub(super) const SIZE_OR_NONE: Kind = Kind::Size { least: 0 };
pub(super) const COUNT: Kind = Kind::Number {
    least: 1,
    most: u64::MAX,
};
pub(super) const COUNT_OR_NONE: Kind = Kind::Number {
    least: 0,
    most: u64::MAX,
};
pub(super) const RATE: Kind = Kind::Number {
    least: 1,
    most: u32::MAX as u64,
};

pub(super) const ADDRESS_COUNT: Kind = Kind::Number {
    least: 0,
    most: u32::MAX as u64,
};

/// More keys than this would not fit into memory.
pub(super) const KEYS: Kind = Kind::Number {
    least: 0,
    most: 100_000_000,
};
/// More threads than this only cost memory.
pub(super) const HANDSHAKE_THREADS: Kind = Kind::Number {
    least: 1,
    most: 256,
};
/// More shards than this only cost memory.
pub(super) const SHARDS: Kind = Kind::Number {
    least: 0,
    most: 1024,
};
