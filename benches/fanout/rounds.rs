//! Rounds that alternate between what is compared.

use crate::fleet::Fleet;
use crate::measure::median;
use crate::workload::Workload;

/// The median costs of a delivery, and the medians of the ratios of neighbouring rounds.
pub(crate) struct Comparison {
    /// Microseconds.
    pub(crate) bare: f64,
    pub(crate) hub: f64,
    pub(crate) hub_to_bare: f64,
    /// The cost of the reference, and the ratio to that. Of no meaning without a reference.
    pub(crate) reference: f64,
    pub(crate) hub_to_reference: f64,
}

/// Compares the hub with the bare loop, and with its own cost of `reference`. The rounds take
/// turns with the workloads. Each runs everything twice, the second time in the opposite order,
/// because what runs first warms the caches for the next.
pub(crate) fn compare(
    fleet: &mut Fleet,
    rounds: usize,
    workloads: &[Workload<'_>],
    reference: Option<&Workload<'_>>,
) -> Comparison {
    let (mut bare, mut hub, mut of_reference) = (Vec::new(), Vec::new(), Vec::new());
    let (mut to_bare, mut to_reference) = (Vec::new(), Vec::new());
    for workload in workloads.iter().cycle().take(rounds) {
        let mut costs = [0.0; 3];
        for index in [0, 1, 2, 2, 1, 0] {
            let (time, deliveries) = match (index, reference) {
                (0, _) => (fleet.round_of_bare_loop(workload), workload.deliveries),
                (1, _) => (fleet.round_of_hub(workload), workload.deliveries),
                (_, Some(reference)) => (fleet.round_of_hub(reference), reference.deliveries),
                (_, None) => continue,
            };
            costs[index] += time.as_secs_f64() * 1e6 / deliveries as f64 / 2.0;
        }
        let [bare_cost, hub_cost, reference_cost] = costs;
        bare.push(bare_cost);
        hub.push(hub_cost);
        of_reference.push(reference_cost);
        to_bare.push(hub_cost / bare_cost);
        to_reference.push(hub_cost / reference_cost);
    }
    Comparison {
        bare: median(bare),
        hub: median(hub),
        hub_to_bare: median(to_bare),
        reference: median(of_reference),
        hub_to_reference: median(to_reference),
    }
}
