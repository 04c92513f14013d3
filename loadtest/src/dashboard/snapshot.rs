//! What the dashboard shows: plain numbers, copied from the run.

use crate::measure::latency::Latency;
use crate::plan::phase::Phase;
use crate::result::run_result::Row;
use std::time::Duration;

/// What does not change during a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Title {
    pub(crate) scenario: String,
    /// `host:port`.
    pub(crate) target: String,
    pub(crate) seed: u64,
}

/// The usual quantiles of a distribution, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) count: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

impl From<&Latency> for Figures {
    fn from(values: &Latency) -> Self {
        Self {
            count: values.count(),
            p50: values.quantile(0.5),
            p99: values.quantile(0.99),
            p999: values.quantile(0.999),
            max: values.max(),
        }
    }
}

/// Maximum number of rows in a snapshot: as many seconds as a wide terminal can show.
pub(crate) const MAX_ROWS: usize = 240;
/// Maximum number of notes in a snapshot.
pub(crate) const MAX_NOTES: usize = 12;

/// The figures of a run at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) phase: Phase,
    /// Time since the start, and planned duration of the run.
    pub(crate) elapsed: Duration,
    pub(crate) planned: Duration,
    /// Sockets: ready now, planned, and planned to be opened per second.
    pub(crate) open: u64,
    pub(crate) sockets: u64,
    pub(crate) connect_rate: f64,
    pub(crate) connect_failed: u64,
    /// Sockets closed by the server: those that it had to close, and others.
    pub(crate) evicted: u64,
    pub(crate) closed: u64,
    /// Planned publications per second, and whether publishing is paused.
    pub(crate) rate: f64,
    pub(crate) paused: bool,
    pub(crate) published: u64,
    pub(crate) publish_failed: u64,
    pub(crate) received: u64,
    pub(crate) lost: u64,
    pub(crate) declared: u64,
    pub(crate) duplicates: u64,
    pub(crate) reorders: u64,
    pub(crate) foreign: u64,
    pub(crate) ack: Figures,
    /// Delivery latency of the whole run, and of the last ten seconds.
    pub(crate) delivery: Figures,
    pub(crate) recent: Figures,
    pub(crate) server_pid: Option<u32>,
    pub(crate) send_lag_p99_us: u64,
    pub(crate) loop_lag_p99_us: u64,
    /// Why the run is tainted; empty if it is not.
    pub(crate) taint: Vec<String>,
    /// One row per second, the newest last; at most [`MAX_ROWS`].
    pub(crate) rows: Vec<Row>,
    /// Time and description of events, the newest last; at most [`MAX_NOTES`].
    pub(crate) notes: Vec<String>,
}
