//! Metrics and their units.

use crate::base::units;
use serde::{Deserialize, Serialize};

/// A measured thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Metric {
    /// A distribution.
    Distribution(Distribution),
    /// One number: a count, a gauge or a ratio.
    Value {
        /// See [`Unit`].
        unit: Unit,
        /// In that unit.
        value: f64,
    },
}

/// Quantiles of a distribution, in `unit`; all 0 when `count` is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// See [`Unit`].
    pub unit: Unit,
    /// Number of samples.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
    /// 99.99 %.
    pub p9999: f64,
    /// Greatest.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Things.
    #[default]
    #[serde(rename = "count")]
    Count,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// 1024 bytes.
    #[serde(rename = "KiB")]
    Kibibytes,
    /// Percent: 100 is all.
    #[serde(rename = "%")]
    Percent,
    /// A quotient of two like numbers.
    #[serde(rename = "ratio")]
    Ratio,
    /// Processor cores: 1 is one core all the time.
    #[serde(rename = "cores")]
    Cores,
    /// Things a second.
    #[serde(rename = "/s")]
    PerSecond,
    /// KiB an hour.
    #[serde(rename = "KiB/h")]
    KibibytesPerHour,
}

/// A distribution in full.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Of its values: always microseconds, `us`.
    pub unit: String,
    /// `HdrHistogram` V2, not compressed, base64.
    pub hdr_v2_base64: String,
}

/// A number with its unit, for people.
pub(crate) fn show(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Count if value.fract() == 0.0 => format!("{value:.0}"),
        Unit::Count => format!("{value:.2}"),
        Unit::Milliseconds => units::latency((value * 1000.0).round() as u64),
        Unit::Seconds => format!("{value:.2}s"),
        Unit::Kibibytes => format!("{value:.1}KiB"),
        Unit::Percent => format!("{value:.2}%"),
        Unit::Ratio => format!("{value:.2}x"),
        Unit::Cores => format!("{value:.2} cores"),
        Unit::PerSecond => format!("{value:.0}/s"),
        Unit::KibibytesPerHour => format!("{value:.0}KiB/h"),
    }
}
