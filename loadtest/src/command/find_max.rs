//! `loadtest run find-max`: searches for the highest rate at which an objective passes.

use crate::base::exit::Exit;
use crate::base::print;
use crate::cli::flags::Flags;
use crate::cli::scenario::Scenario;
use crate::cli::setup;
use crate::run::display::DisplayFlags;
use crate::run::execute;
use crate::run::signals;
use crate::verdict::run_record::CutShort;
use crossbeam_channel::Receiver;

/// Number of times that the rate is doubled before the search gives up.
const DOUBLINGS: u32 = 12;
/// Number of times that the interval is halved after the first failure.
const HALVINGS: u32 = 3;

/// Doubles the rate until the objective fails, then bisects. Prints the knee.
pub(crate) fn run(scenario: &Scenario, flags: &Flags) -> Result<Exit, String> {
    let interrupts = signals::listen().map_err(|error| error.to_string())?;
    let mut good = 0.0;
    let mut rate = flags.rate.unwrap_or(scenario.defaults.rate);
    let mut bad = None;
    let mut caveat = "";
    for _ in 0..DOUBLINGS {
        match holds(scenario, flags, rate, &interrupts)? {
            Ok(Verdict::Holds) => (good, rate) = (rate, rate * 2.0),
            Ok(verdict) => {
                caveat = verdict.caveat();
                bad = Some(rate);
                break;
            }
            Err(exit) => return Ok(exit),
        }
    }
    let Some(mut bad) = bad else {
        print::out_line(&format!(
            "\nno knee up to {good:.0} publications per second"
        ));
        return Ok(Exit::Pass);
    };
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(good, bad);
        match holds(scenario, flags, middle, &interrupts)? {
            Ok(Verdict::Holds) => good = middle,
            Ok(verdict) => (bad, caveat) = (middle, verdict.caveat()),
            Err(exit) => return Ok(exit),
        }
    }
    print::out_line(&format!(
        "\nknee: {} passes at {good:.0} publications per second, but not at {bad:.0}{caveat}",
        flags.slo.expr()
    ));
    Ok(if good > 0.0 { Exit::Pass } else { Exit::Fail })
}

enum Verdict {
    Holds,
    Fails,
    /// Unknown, because the tester could not keep up.
    Unreliable,
}

impl Verdict {
    fn caveat(&self) -> &'static str {
        match self {
            Self::Unreliable => " (the tester could not keep up there, so the knee may be its own)",
            Self::Holds | Self::Fails => "",
        }
    }
}

/// Whether a run at this rate passes. The inner error ends the search.
fn holds(
    scenario: &Scenario,
    flags: &Flags,
    rate: f64,
    interrupts: &Receiver<()>,
) -> Result<Result<Verdict, Exit>, String> {
    let mut flags = flags.clone();
    flags.rate = Some(rate);
    flags.asserts.push(flags.slo.clone());
    flags.display = DisplayFlags::lines();
    let options = setup::options(scenario, flags)?;
    let allow_taint = options.judging.allow_taint;
    Ok(match execute::execute(options, interrupts.clone()) {
        Ok((result, None)) if result.valid || allow_taint => Ok(if result.passed {
            Verdict::Holds
        } else {
            Verdict::Fails
        }),
        Ok((_, None)) => Ok(Verdict::Unreliable),
        Ok((_, Some(CutShort::Interrupted))) => Err(Exit::Interrupted),
        Ok((_, Some(_))) => Err(Exit::Fail),
        Err(exit) => Err(exit),
    })
}
