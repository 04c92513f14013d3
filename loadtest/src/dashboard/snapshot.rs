//! What the dashboard shows: plain numbers, copied out of the run.

use crate::measure::latency::Latency;
use crate::plan::phase::Phase;
use crate::result::run_result::Row;
use std::time::Duration;

/// What stays the same through a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Title {
    pub(crate) scenario: String,
    /// `host:port`.
    pub(crate) target: String,
    pub(crate) seed: u64,
}

/// The usual figures of a distribution, in microseconds.
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

/// Rows a snapshot holds at most: as many seconds as a wide terminal shows.
pub(crate) const MAX_ROWS: usize = 240;
/// Notes a snapshot holds at most.
pub(crate) const MAX_NOTES: usize = 12;

/// One moment of the run.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) phase: Phase,
    /// Since the start, and what the run takes as planned.
    pub(crate) elapsed: Duration,
    pub(crate) planned: Duration,
    /// Sockets: ready now, to be ready, and opened a second as planned.
    pub(crate) open: u64,
    pub(crate) sockets: u64,
    pub(crate) connect_rate: f64,
    pub(crate) connect_failed: u64,
    /// Ended by the server: those it had to end, and others.
    pub(crate) evicted: u64,
    pub(crate) closed: u64,
    /// Publications a second as the schedule stands, and whether they pause.
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
    /// Deliveries of the whole run, and of its last ten seconds.
    pub(crate) delivery: Figures,
    pub(crate) recent: Figures,
    pub(crate) server_pid: Option<u32>,
    pub(crate) send_lag_p99_us: u64,
    pub(crate) loop_lag_p99_us: u64,
    /// Why the tester cannot be believed, if so.
    pub(crate) taint: Vec<String>,
    /// One a second, the newest last; at most [`MAX_ROWS`].
    pub(crate) rows: Vec<Row>,
    /// What happened and when, the newest last; at most [`MAX_NOTES`].
    pub(crate) notes: Vec<String>,
}
