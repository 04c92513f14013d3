//! The result of a run: everything that is written to a file, rendered or compared, and nothing else.

use super::metric::{Histogram, Metric};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of this shape; it rises when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// One run, measured and judged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// [`SCHEMA_VERSION`] of the tester that wrote it.
    pub schema_version: u32,
    /// What ran, where and when.
    pub run: Run,
    /// Whether every assertion held; of a tainted run too.
    pub passed: bool,
    /// Whether the tester kept up, so that the latencies can be believed.
    pub valid: bool,
    /// Why not, one sentence each.
    pub taint: Vec<String>,
    /// Stages of the run, in order.
    pub phases: Vec<Span>,
    /// Events to mark on the time axis: a storm, an eviction, a cohort that joins.
    pub marks: Vec<Mark>,
    /// By dotted name: `delivery`, `loss.silent`, `server.kib_per_conn`.
    pub metrics: BTreeMap<String, Metric>,
    /// One row a second.
    pub timeseries: Vec<Row>,
    /// By the name of their metric.
    pub histograms: BTreeMap<String, Histogram>,
    /// In the order they were checked.
    pub assertions: Vec<AssertionResult>,
    /// Evidence of the assertions that failed.
    pub failures: Vec<Failure>,
    /// The tested server's process, when it was sampled.
    pub server: Option<Server>,
    /// This process.
    pub tester: Tester,
    /// The worst-served connections, worst first; at most ten.
    pub worst: Vec<WorstConnection>,
}

/// What ran, where and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Tells the run's channels from another tester's: 8 hex digits.
    pub id: String,
    /// The command line that repeats it.
    pub cmd: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Decides every choice of the run.
    pub seed: u64,
    /// `host:port` of the target.
    pub target: String,
    /// The machine of the tester.
    pub host: Host,
    /// Of `loadtest`, and of the server when it says.
    pub versions: BTreeMap<String, String>,
    /// Start of the run, milliseconds since 1970-01-01 UTC.
    pub started_unix_ms: u64,
    /// From the first connect to the last close.
    pub duration_s: f64,
}

/// A machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// `linux`.
    pub os: String,
    /// `x86_64`.
    pub arch: String,
    /// Cores this process may use.
    pub cores: u32,
    /// Release of the kernel.
    pub kernel: String,
}

/// A stage of the run; seconds since its start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// `connect`, `publish`, `drain`, `close`; a scenario may have its own.
    pub name: String,
    /// First moment.
    pub from_s: f64,
    /// Last moment.
    pub to_s: f64,
}

/// Something that happened at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Seconds since the start of the run.
    pub at_s: f64,
    /// `storm`, `cohort`, `eviction`, `close`, `loss`, `taint`, `pause`, `rate`.
    pub kind: String,
    /// One line for people.
    pub label: String,
}

/// One second of the run. Rates and quantiles are of that second alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Seconds since the start of the run, at the end of the row.
    pub at_s: f64,
    /// Sockets open.
    pub open: u64,
    /// Publications.
    pub published: u64,
    /// Events received.
    pub received: u64,
    /// Deliveries, milliseconds from when they were due; `None` when there were none.
    pub p50_ms: Option<f64>,
    /// See `p50_ms`.
    pub p99_ms: Option<f64>,
    /// Deliveries by latency: pairs of a bin and how many lie in it. Bin `i` begins at 0.064 ms times 2^(i/2), the first at 0;
    /// bins without a delivery are left out.
    #[serde(default)]
    pub latency_bins: Vec<(u8, u64)>,
    /// Cores the server used; `None` when it is not sampled.
    pub server_cpu: Option<f64>,
    /// Resident memory of the server.
    pub server_rss_kib: Option<u64>,
    /// Descriptors the server has open.
    pub server_fds: Option<u64>,
    /// Cores the tester used.
    pub tester_cpu: f64,
}

/// A condition and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AssertionResult {
    /// As it was written: `delivery.p99<250ms`.
    pub expr: String,
    /// Whether it held.
    pub ok: bool,
    /// What was measured, for people: `11.4ms`.
    pub actual: String,
}

/// Evidence of a failed assertion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The assertion.
    pub expr: String,
    /// The first few cases, one line each: connection, channel, sequence numbers, time, close codes.
    pub evidence: Vec<String>,
    /// The command that runs it again, where possible for one connection alone.
    pub replay: String,
}

/// The tested server's process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Process id.
    pub pid: u32,
    /// Cores used, mean over the run.
    pub cpu_avg: f64,
    /// Cores used, the busiest second.
    pub cpu_peak: f64,
    /// Highest resident memory.
    pub rss_peak_kib: u64,
    /// Memory a connection costs: slope of resident memory over connections during the ramp.
    /// `None` when the ramp was too short to tell.
    pub kib_per_conn: Option<f64>,
    /// Growth of resident memory while the load was steady (Theil-Sen).
    pub rss_slope_kib_per_h: Option<f64>,
    /// Most descriptors.
    pub fds_peak: u64,
    /// Most threads.
    pub threads_peak: u64,
    /// What was not given back after the run, one sentence each.
    pub leaks: Vec<String>,
}

/// This process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tester {
    /// Cores used, mean over the run.
    pub cpu_avg: f64,
    /// Cores used, the busiest second.
    pub cpu_peak: f64,
    /// How late publications were sent, 99 %.
    pub send_lag_p99_ms: f64,
    /// How late a worker's loop woke, 99 %.
    pub loop_lag_p99_ms: f64,
}

/// How one connection fared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorstConnection {
    /// Its index.
    pub conn: u32,
    /// Events it received.
    pub received: u64,
    /// Its 99 % of delivery, to the next power of two.
    pub p99_ms: f64,
    /// Its slowest delivery.
    pub max_ms: f64,
}
