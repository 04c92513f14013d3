//! What `--stages` can be used with.

use super::flags::Flags;
use super::scenario::Scenario;
use crate::plan::run_plan::RunPlan;

/// Checks the stages of a run against its other flags and its scenario.
///
/// # Errors
/// They do not go together; names the flags.
pub(super) fn check(scenario: &Scenario, flags: &Flags, plan: &RunPlan) -> Result<(), String> {
    let stages = &plan.stages;
    if stages.are_none() {
        return Ok(());
    }
    let set = [
        (flags.duration.is_some(), "--duration", true),
        (
            flags.connections.is_some(),
            "--connections",
            stages.set_connections(),
        ),
        (flags.rate.is_some(), "--rate", stages.set_rates()),
    ];
    if let Some((_, flag, _)) = set.iter().find(|(is_given, _, sets)| *is_given && *sets) {
        return Err(format!(
            "--stages and {flag} say the same: leave out {flag}"
        ));
    }
    let name = scenario.name;
    if !plan.cohorts.longest().is_zero() {
        return Err(format!(
            "--stages cannot be used with {name}: sockets that the server must close decide how long it takes"
        ));
    }
    let is_steady = plan.churn <= 0.0
        && plan.drops <= 0.0
        && plan.storm.is_none()
        && plan.only_conn.is_none()
        && plan.cohorts.shares.is_empty();
    if stages.set_connections() && (plan.rooms || plan.attacks || !is_steady) {
        return Err(format!(
            "--stages can only set the rate (such as 500/s@1m) here: with {name} or a flag of this run, sockets must be there before the first publication"
        ));
    }
    Ok(())
}
