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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_every_report_to_its_own_sum() {
        let mut totals = Totals::default();
        let mut worker = WorkerTally {
            received: 3,
            ..WorkerTally::default()
        };
        worker.delivery.record_ns(1);
        for _ in 0..2 {
            totals.add(TallyReport::Worker(Box::new(worker.clone())));
        }
        let mut publisher = PublisherTally::default();
        publisher.accept(None);
        totals.add(TallyReport::Publisher(Box::new(publisher)));
        totals.add(TallyReport::Error("too many open files".to_owned()));
        assert_eq!((totals.worker.received, totals.publisher.accepted), (6, 1));
        // The next row of the time series has them, and then they are cleared.
        let deliveries = (totals.recent.count(), totals.worker.delivery.count());
        assert_eq!(deliveries, (2, 2));
        assert_eq!(totals.errors, ["too many open files"]);
    }
}
