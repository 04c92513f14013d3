//! `loadtest doctor`.

use crate::base::exit::Exit;
use crate::base::print;
use crate::doctor::checks::examine;
use crate::doctor::finding::{Level, render};
use crate::doctor::machine::Machine;

/// Checks this machine for a run with `connections` sockets from `source_ips` source addresses, and prints the findings.
pub(crate) fn run(connections: u32, source_ips: usize) -> Exit {
    let findings = examine(&Machine::read(), u64::from(connections), source_ips as u64);
    print::out(&render(connections, &findings));
    match findings.iter().map(|finding| finding.level).max() {
        Some(Level::Fail) => Exit::Setup,
        _ => Exit::Pass,
    }
}
