//! Findings of the doctor, and how they are printed.

use crate::base::units::grouped;
use std::fmt::Write;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Nothing to do.
    Ok,
    /// The run works, but its figures may be worse than they should be.
    Warn,
    /// The run cannot work.
    Fail,
}

/// The outcome of a check.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) name: &'static str,
    pub(crate) level: Level,
    pub(crate) found: String,
    /// The command or flag that fixes it; empty if there is nothing to do.
    pub(crate) fix: String,
}

/// Renders the findings and the overall verdict.
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
