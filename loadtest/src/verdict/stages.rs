//! The figures of each stage.

use crate::books::totals::Totals;
use crate::measure::latency::Latency;
use crate::plan::stages::Stages;
use crate::result::run_result::StageRow;

/// One row per stage. `open_after` is the number of open sockets at the end of each, as far as it is known.
pub(super) fn rows(stages: &Stages, totals: &Totals, open_after: &[Option<u32>]) -> Vec<StageRow> {
    let row = |stage| {
        let (text, from, to) = stages.describe(stage);
        let deliveries = totals.worker.stages.of(stage);
        StageRow {
            stage: text.to_owned(),
            from_s: from.as_secs_f64(),
            to_s: to.as_secs_f64(),
            open: open_after.get(stage).copied().flatten().map(u64::from),
            published: totals.publisher.stages.of(stage),
            received: deliveries.map_or(0, |own| own.received),
            delivery: match deliveries {
                Some(own) => own.delivery.distribution(),
                None => Latency::default().distribution(),
            },
        }
    };
    (0..stages.len()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::stages::Stage;
    use std::time::Duration;

    #[test]
    fn gives_each_stage_its_own_figures() {
        let stage = |text: &str, connections| Stage {
            text: text.to_owned(),
            connections,
            rate: None,
            time: Duration::from_secs(2),
        };
        let stages = Stages::new(vec![stage("5@2s", Some(5)), stage("9@2s", Some(9))]);
        let mut totals = Totals::default();
        totals.publisher.stages.count(0);
        totals.publisher.stages.count(1);
        totals.publisher.stages.count(1);
        totals.worker.stages.count(1, Some(3_000_000));
        totals.worker.stages.count(1, None);
        let rows = rows(&stages, &totals, &[Some(5), None]);
        let seen: Vec<_> = rows
            .iter()
            .map(|row| (row.stage.as_str(), row.open, row.published))
            .collect();
        assert_eq!(seen, [("5@2s", Some(5), 1), ("9@2s", None, 2)]);
        let times: Vec<_> = rows
            .iter()
            .map(|row| (row.from_s as u64, row.to_s as u64))
            .collect();
        assert_eq!(times, [(0, 2), (2, 4)]);
        let delivered: Vec<_> = rows
            .iter()
            .map(|row| (row.received, row.delivery.count))
            .collect();
        assert_eq!(delivered, [(0, 0), (2, 1)]);
    }
}
