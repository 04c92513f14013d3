//! What was found, and how it is printed.

use crate::base::units::grouped;
use std::fmt::Write;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing to do.
    Ok,
    /// The run works, its figures may be worse than they should.
    Warn,
    /// The run cannot work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) name: &'static str,
    pub(crate) level: Level,
    pub(crate) found: String,
    /// The command or flag that mends it; empty when nothing has to be done.
    pub(crate) fix: String,
}

pub(crate) fn render(connections: u32, findings: &[Finding]) -> String {
    let mut text = format!(
        "loadtest doctor  {} sockets\n\n",
        grouped(u64::from(connections))
    );
    for finding in findings {
        let mark = match finding.level {
            Level::Ok => "ok  ",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        let _ = writeln!(text, "  {mark}  {:<28}  {}", finding.name, finding.found);
        if !finding.fix.is_empty() {
            let _ = writeln!(text, "        fix: {}", finding.fix);
        }
    }
    let worst = findings.iter().map(|finding| finding.level).max();
    let _ = writeln!(
        text,
        "\n{}",
        match worst {
            Some(Level::Fail) => "not ready",
            Some(Level::Warn) => "ready, with warnings",
            _ => "ready",
        }
    );
    text
}
