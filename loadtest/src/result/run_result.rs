//! The result of a run, as `--json` writes it. `loadtest.schema.json` describes the same.

use super::metric::{Distribution, Histogram, Metric};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the JSON format. It is incremented when a field changes its meaning or is removed.
pub const SCHEMA_VERSION: u32 = 1;

/// The result of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The [`SCHEMA_VERSION`] of the tester that wrote it.
    pub schema_version: u32,
    /// What ran, where and when.
    pub run: Run,
    /// Whether every assertion passed. Says nothing about `valid`.
    pub passed: bool,
    /// Whether the tester kept up with the load. If not, its latencies are not the server's.
    pub valid: bool,
    /// Why the run is not valid, one sentence per reason.
    pub taint: Vec<String>,
    /// Phases of the run, in order.
    pub phases: Vec<Span>,
    /// Events to mark on the time axis, such as a storm or an eviction.
    pub marks: Vec<Mark>,
    /// Metrics by dotted name: `delivery`, `loss.silent`, `server.kib_per_conn`.
    pub metrics: BTreeMap<String, Metric>,
    /// One row per stage, in order. Empty if the run had no stages.
    #[serde(default)]
    pub stages: Vec<StageRow>,
    /// One row per second.
    pub timeseries: Vec<Row>,
    /// The full distributions, by the name of their metric.
    pub histograms: BTreeMap<String, Histogram>,
    /// Every assertion and its outcome.
    pub assertions: Vec<AssertionResult>,
    /// What is not asserted, because the target lacks it.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
    /// The failed assertions, with evidence.
    pub failures: Vec<Failure>,
    /// The process of the server, if it was watched.
    pub server: Option<Server>,
    /// The process of the tester.
    pub tester: Tester,
    /// The connections with the highest latencies, worst first; at most ten.
    pub worst: Vec<WorstConnection>,
}

/// What ran, where and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Id of the run, 8 hex digits. It is part of every channel name, so that testers do not disturb each other.
    pub id: String,
    /// The command line that repeats the run.
    pub cmd: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// `host:port` of the target.
    pub target: String,
    /// The machine that the tester ran on.
    pub host: Host,
    /// Version numbers by program.
    pub versions: BTreeMap<String, String>,
    /// Start of the run, in milliseconds since 1970-01-01 UTC.
    pub started_unix_ms: u64,
    /// Time from the first connect to the last close.
    pub duration_s: f64,
}

/// A machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system, such as `linux`.
    pub os: String,
    /// Processor architecture, such as `x86_64`.
    pub arch: String,
    /// Number of cores that the process may use.
    pub cores: u32,
    /// Kernel release.
    pub kernel: String,
}

/// A phase of the run. Times are seconds since the start of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// `connect`, `publish`, `drain` or `close`.
    pub name: String,
    /// Start.
    pub from_s: f64,
    /// End.
    pub to_s: f64,
}

/// An event on the time axis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Seconds since the start of the run.
    pub at_s: f64,
    /// `stage`, `storm`, `cohort`, `eviction`, `close`, `loss`, `taint`, `pause`, `rate`.
    pub kind: String,
    /// Description in one line.
    pub label: String,
}

/// One stage of the run. What was published in it and delivered later counts here, too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageRow {
    /// The stage as it was given: `10k@2m`.
    pub stage: String,
    /// Start, in seconds since the beginning of publishing.
    pub from_s: f64,
    /// End.
    pub to_s: f64,
    /// Number of open sockets at its end. `None` if it was too short to see.
    pub open: Option<u64>,
    /// Accepted publications that were due in it.
    pub published: u64,
    /// Deliveries of these publications.
    pub received: u64,
    /// How long these deliveries took, from when the publication was due.
    pub delivery: Distribution,
}

/// One second of the run. All figures are for that second alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// End of the second, in seconds since the start of the run.
    pub at_s: f64,
    /// Number of open sockets.
    pub open: u64,
    /// Number of accepted publications.
    pub published: u64,
    /// Number of deliveries.
    pub received: u64,
    /// Median delivery latency in milliseconds, from when the publication was due. `None` if nothing was delivered.
    pub p50_ms: Option<f64>,
    /// 99th percentile, as `p50_ms`.
    pub p99_ms: Option<f64>,
    /// Histogram of the delivery latencies: pairs of a bin and its count, without empty bins. Bin `i` starts at
    /// 0.064 ms × 2^(i/2), except for bin 0, which starts at 0.
    #[serde(default)]
    pub latency_bins: Vec<(u8, u64)>,
    /// Cores that the server used. `None` if it is not watched.
    pub server_cpu: Option<f64>,
    /// Resident memory of the server, in KiB.
    pub server_rss_kib: Option<u64>,
    /// Open file descriptors of the server.
    pub server_fds: Option<u64>,
    /// Cores that the tester used.
    pub tester_cpu: f64,
}

/// An assertion and its outcome.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AssertionResult {
    /// The assertion as written: `delivery.p99<250ms`.
    pub expr: String,
    /// Whether it passed.
    pub ok: bool,
    /// The measured value, formatted: `11.4ms`.
    pub actual: String,
}

/// Something that is not asserted, because the target lacks it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// The assertion, or what it is about.
    pub expr: String,
    /// Why.
    pub reason: String,
}

/// A failed assertion, with evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The assertion.
    pub expr: String,
    /// The first few cases, one line each.
    pub evidence: Vec<String>,
    /// The command that replays the failure, with one connection if possible.
    pub replay: String,
}

/// The process of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Process id.
    pub pid: u32,
    /// Cores used, on average.
    pub cpu_avg: f64,
    /// Cores used, in the busiest second.
    pub cpu_peak: f64,
    /// Highest resident memory.
    pub rss_peak_kib: u64,
    /// Memory per connection: the slope of resident memory over connections during the ramp. `None` if there were too few
    /// connections for an estimate.
    pub kib_per_conn: Option<f64>,
    /// Growth of resident memory while publishing (Theil-Sen estimate).
    pub rss_slope_kib_per_h: Option<f64>,
    /// Highest number of open file descriptors.
    pub fds_peak: u64,
    /// Highest number of threads.
    pub threads_peak: u64,
    /// What was not released after the run, one sentence per leak.
    pub leaks: Vec<String>,
}

/// The process of the tester.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tester {
    /// Cores used, on average.
    pub cpu_avg: f64,
    /// Cores used, in the busiest second.
    pub cpu_peak: f64,
    /// How late publications were sent, 99th percentile.
    pub send_lag_p99_ms: f64,
    /// How late the event loops of the workers woke up, 99th percentile.
    pub loop_lag_p99_ms: f64,
}

/// One of the connections with the highest latencies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorstConnection {
    /// Index of the connection.
    pub conn: u32,
    /// Number of events it received.
    pub received: u64,
    /// 99th percentile of its delivery latency, rounded up to a power of two (times 0.256 ms).
    pub p99_ms: f64,
    /// Its highest delivery latency.
    pub max_ms: f64,
}
