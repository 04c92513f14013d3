//! `loadtest bench-self`: how many events per second the tester can receive, from the null server.

use crate::base::exit::Exit;
use crate::base::print;
use crate::base::units::grouped;
use crate::cli::flags::Flags;
use crate::cli::scenario::Scenario;
use crate::cli::setup;
use crate::measure::server_pid::ServerPid;
use crate::null_server::{Behaviour, NullServer};
use crate::result::metric::Metric;
use crate::run::display::DisplayFlags;
use crate::run::execute;
use crate::run::signals;
use std::time::Duration;

/// Runs 100 sockets on one channel against the null server, which coalesces events for 5 ms.
pub(crate) fn run(flags: &Flags) -> Result<Exit, String> {
    if flags.stages.is_some() {
        return Err("--stages cannot be used with bench-self".to_owned());
    }
    let behaviour = Behaviour {
        coalesce: Duration::from_millis(5),
        ..Behaviour::default()
    };
    let addr = ([127, 0, 0, 1], 0).into();
    let server = NullServer::start(addr, behaviour).map_err(|error| error.to_string())?;
    let mut flags = flags.clone();
    flags.url = Some(format!("ws://{}/ws", server.addr()));
    flags.api = None;
    flags.server_pid = Some(ServerPid::Unwatched);
    flags.allow_taint = true;
    flags.display = DisplayFlags::lines();
    flags.connections.get_or_insert(100);
    flags.channels.get_or_insert(1);
    flags.rate.get_or_insert(5000.0);
    flags.duration.get_or_insert(Duration::from_secs(5));
    let options = setup::options(Scenario::find("smoke")?, flags)?;
    let workers = f64::from(options.workers);
    let interrupts = signals::listen().map_err(|error| error.to_string())?;
    let (result, _) = match execute::execute(options, interrupts) {
        Ok(done) => done,
        Err(exit) => return Ok(exit),
    };
    let value = |name: &str| match result.metrics.get(name) {
        Some(Metric::Value { value, .. }) => *value,
        _ => 0.0,
    };
    let (rate, cores) = (value("received.rate"), value("tester.worker_cpu"));
    print::out_line(&format!(
        "\nceiling: {} events per second and core ({} per second, {:.2} cores for each of {workers} workers)",
        grouped((rate / (cores * workers).max(0.001)) as u64),
        grouped(rate as u64),
        cores,
    ));
    Ok(if result.passed {
        Exit::Pass
    } else {
        Exit::Fail
    })
}
