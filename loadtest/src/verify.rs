//! Every correctness scenario, small, one after the other.

use crate::exit::Exit;
use crate::flags::Flags;
use crate::run;
use crate::scenario::Scenario;
use crate::setup;
use crate::signals;
use std::time::{Duration, Instant};

/// Scenario, sockets, publications a second, and how long they are due.
const STEPS: [(&str, u32, f64, u64); 5] = [
    ("smoke", 300, 100.0, 3),
    ("churn", 200, 100.0, 4),
    ("storm", 300, 50.0, 4),
    ("adversarial", 100, 50.0, 3),
    ("slow", 60, 40.0, 9),
];
/// Heartbeats that take longer than this are left out.
const LONGEST_HEARTBEAT: Duration = Duration::from_secs(6);

/// Runs them all; the worst outcome counts. Latencies are told, but not asserted.
pub(crate) fn run(flags: &Flags) -> Result<Exit, String> {
    let begin = Instant::now();
    let interrupts = signals::listen().map_err(|error| error.to_string())?;
    let mut outcomes = Vec::new();
    let beats = flags.trouble.heartbeat() <= LONGEST_HEARTBEAT;
    let heartbeat = beats.then_some(("heartbeat", 200, 20.0, 0));
    for (name, connections, rate, seconds) in STEPS.into_iter().chain(heartbeat) {
        let mut flags = flags.clone();
        flags.connections.get_or_insert(connections);
        flags.rate.get_or_insert(rate);
        if seconds > 0 {
            flags.duration = Some(Duration::from_secs(seconds));
        }
        flags.trouble.soon();
        flags.allow_taint = true;
        let mut options = setup::options(Scenario::find(name)?, flags)?;
        let asserted = &mut options.brief.default_assertions;
        asserted.retain(|assertion| !assertion.is_about_time());
        let exit = run::run_among(options, interrupts.clone());
        outcomes.push((name, exit));
        if exit == Exit::Interrupted {
            break;
        }
    }
    println!("\nverify in {:.0?}", begin.elapsed());
    for (name, exit) in &outcomes {
        println!("  {name:<12}  {exit:?}");
    }
    if !beats {
        println!(
            "  heartbeat     left out: run the server with --ping-interval 1s --pong-timeout 3s, and give both to loadtest"
        );
    }
    let worst = outcomes
        .iter()
        .map(|(_, exit)| *exit)
        .max_by_key(|exit| exit.code());
    Ok(worst.unwrap_or(Exit::Internal))
}
