//! Metrics and their units.

use crate::base::units;
use serde::{Deserialize, Serialize};

/// A metric: a distribution or a single number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Metric {
    /// A distribution.
    Distribution(Distribution),
    /// A single number: a count, a gauge or a ratio.
    Value {
        /// Unit of `value`.
        unit: Unit,
        /// The number.
        value: f64,
    },
}

/// The usual quantiles of a distribution. All are 0 if `count` is 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Unit of all values.
    pub unit: Unit,
    /// Number of samples.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// 99.99th percentile.
    pub p9999: f64,
    /// Maximum.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
}

/// The unit of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// A plain count.
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
    /// Percent.
    #[serde(rename = "%")]
    Percent,
    /// The ratio of two values of the same unit.
    #[serde(rename = "ratio")]
    Ratio,
    /// CPU time per time: 1 is one core, fully used.
    #[serde(rename = "cores")]
    Cores,
    /// Per second.
    #[serde(rename = "/s")]
    PerSecond,
    /// KiB per hour.
    #[serde(rename = "KiB/h")]
    KibibytesPerHour,
}

/// A full distribution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Unit of the values: always `us`, microseconds.
    pub unit: String,
    /// `HdrHistogram` V2 encoding, uncompressed, in base64.
    pub hdr_v2_base64: String,
}

impl Unit {
    /// Formats a value of this unit: `11.4ms`, `14.8KiB`.
    pub(crate) fn format(self, value: f64) -> String {
        match self {
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
}
