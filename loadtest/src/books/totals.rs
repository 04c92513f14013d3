//! The totals of a run so far.

use super::tally::{PublisherTally, TallyReport, WorkerTally};
use crate::measure::latency::Latency;
use crate::result::run_result::Row;

/// The sum of all reports.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) worker: WorkerTally,
    pub(crate) publisher: PublisherTally,
    /// Delivery latencies since the last row.
    pub(crate) recent: Latency,
    /// Why threads had to stop.
    pub(crate) errors: Vec<String>,
    /// One row per second.
    pub(crate) rows: Vec<Row>,
}

impl Totals {
    /// Adds a report.
    pub(crate) fn add(&mut self, report: TallyReport) {
        match report {
            TallyReport::Worker(tally) => {
                self.recent.merge(&tally.delivery);
                self.worker.merge(*tally);
            }
            TallyReport::Error(error) => self.errors.push(error),
            TallyReport::Publisher(tally) => self.publisher.merge(*tally),
        }
    }
}
