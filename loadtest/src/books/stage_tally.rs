//! What was counted in each stage of a run.

use crate::measure::latency::Latency;
use std::collections::BTreeMap;

/// Deliveries by the stage in which their publication was due. Empty in a run without stages.
#[derive(Clone, Debug, Default)]
pub(crate) struct StageDeliveries(BTreeMap<usize, Deliveries>);

/// The deliveries of one stage.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deliveries {
    pub(crate) received: u64,
    /// Delivery latency, without that of sockets that misbehave.
    pub(crate) delivery: Latency,
}

impl StageDeliveries {
    /// Counts a delivery. Its latency is `None` if that does not count.
    pub(crate) fn count(&mut self, stage: usize, delivery_ns: Option<u64>) {
        let deliveries = self.0.entry(stage).or_default();
        deliveries.received += 1;
        if let Some(ns) = delivery_ns {
            deliveries.delivery.record_ns(ns);
        }
    }

    /// Adds those of another tally.
    pub(crate) fn merge(&mut self, other: Self) {
        for (stage, more) in other.0 {
            let deliveries = self.0.entry(stage).or_default();
            deliveries.received += more.received;
            deliveries.delivery.merge(&more.delivery);
        }
    }

    /// Those of a stage. `None` if there were none.
    pub(crate) fn of(&self, stage: usize) -> Option<&Deliveries> {
        self.0.get(&stage)
    }
}

/// Accepted publications by the stage in which they were due. Empty in a run without stages.
#[derive(Clone, Debug, Default)]
pub(crate) struct StagePublications(BTreeMap<usize, u64>);

impl StagePublications {
    /// Counts a publication.
    pub(crate) fn count(&mut self, stage: usize) {
        *self.0.entry(stage).or_default() += 1;
    }

    /// Adds those of another tally.
    pub(crate) fn merge(&mut self, other: Self) {
        for (stage, more) in other.0 {
            *self.0.entry(stage).or_default() += more;
        }
    }

    /// Those of a stage.
    pub(crate) fn of(&self, stage: usize) -> u64 {
        self.0.get(&stage).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_by_stage() {
        let (mut one, mut other) = (StageDeliveries::default(), StageDeliveries::default());
        one.count(0, Some(1000));
        one.count(1, None);
        other.count(1, Some(3_000_000));
        other.count(4, Some(5000));
        one.merge(other);
        let seen = [0, 1, 2, 4].map(|stage| {
            let deliveries = one.of(stage)?;
            Some((deliveries.received, deliveries.delivery.count()))
        });
        assert_eq!(seen, [Some((1, 1)), Some((2, 1)), None, Some((1, 1))]);
        let (mut one, mut other) = (StagePublications::default(), StagePublications::default());
        for stage in [0, 0, 2] {
            one.count(stage);
            other.count(stage);
        }
        one.merge(other);
        assert_eq!([0, 1, 2].map(|stage| one.of(stage)), [4, 0, 2]);
    }
}
