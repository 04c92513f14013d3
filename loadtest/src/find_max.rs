//! Searches the highest rate at which an objective holds.

use crate::exit::Exit;
use crate::flags::Flags;
use crate::run;
use crate::scenario::Scenario;
use crate::setup;
use crate::signals;
use crossbeam_channel::Receiver;

/// Doublings before the search gives up: the server is faster than the tester.
const DOUBLINGS: u32 = 12;
/// Halvings of the interval after the first failure.
const HALVINGS: u32 = 3;

/// Doubles the rate until the objective fails, then halves the interval. Prints the knee.
pub(crate) fn run(scenario: &Scenario, flags: &Flags) -> Result<Exit, String> {
    let interrupts = signals::listen().map_err(|error| error.to_string())?;
    let mut good = 0.0;
    let mut rate = flags.rate.unwrap_or(scenario.defaults.rate);
    let mut bad = None;
    for _ in 0..DOUBLINGS {
        match holds(scenario, flags, rate, &interrupts)? {
            Ok(true) => (good, rate) = (rate, rate * 2.0),
            Ok(false) => {
                bad = Some(rate);
                break;
            }
            Err(exit) => return Ok(exit),
        }
    }
    let Some(mut bad) = bad else {
        println!("\nno knee up to {good:.0} publications a second");
        return Ok(Exit::Pass);
    };
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(good, bad);
        match holds(scenario, flags, middle, &interrupts)? {
            Ok(true) => good = middle,
            Ok(false) => bad = middle,
            Err(exit) => return Ok(exit),
        }
    }
    println!(
        "\nknee: {} holds at {good:.0} publications a second, and not at {bad:.0}",
        flags.slo.expr()
    );
    Ok(if good > 0.0 { Exit::Pass } else { Exit::Fail })
}

/// Whether a run at this rate passed; the inner error ends the search.
fn holds(
    scenario: &Scenario,
    flags: &Flags,
    rate: f64,
    interrupts: &Receiver<()>,
) -> Result<Result<bool, Exit>, String> {
    let mut flags = flags.clone();
    flags.rate = Some(rate);
    flags.asserts.push(flags.slo.clone());
    let options = setup::options(scenario, flags)?;
    Ok(match run::run_among(options, interrupts.clone()) {
        Exit::Pass => Ok(true),
        Exit::Fail | Exit::Tainted => Ok(false),
        exit => Err(exit),
    })
}
