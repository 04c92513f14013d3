//! The final report as text.

use crate::latency::Latency;
use crate::plan::Plan;
use crate::progress::Totals;
use crate::tally::{describe, total};
use crate::units::{grouped, latency, seconds};
use crate::verdict::Check;
use std::fmt::Write;
use std::time::Duration;

/// What only the conductor knows.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) connecting: Duration,
    pub(crate) publishing: Duration,
    pub(crate) draining: Duration,
    /// Cores this process used while publishing and draining.
    pub(crate) cores: f64,
    /// Why the run ended before its time.
    pub(crate) cut_short: Option<&'static str>,
}

/// The report; the last line is the verdict.
pub(crate) fn render(plan: &Plan, totals: &Totals, course: &Course, checks: &[Check]) -> String {
    let mut text = String::new();
    write(&mut text, plan, totals, course, checks).expect("a String takes everything");
    text
}

fn write(
    out: &mut String,
    plan: &Plan,
    totals: &Totals,
    course: &Course,
    checks: &[Check],
) -> std::fmt::Result {
    let (worker, publisher) = (&totals.worker, &totals.publisher);
    writeln!(out)?;
    writeln!(
        out,
        "  connections   {} opened in {}   {} failed{}   {} unexpected closes{}",
        grouped(worker.opened),
        seconds(course.connecting),
        grouped(total(&worker.connect_failed)),
        in_brackets(&describe(&worker.connect_failed)),
        grouped(total(&worker.closed)),
        in_brackets(&describe(&worker.closed)),
    )?;
    writeln!(
        out,
        "                ready {}   {} pings answered   {} notices",
        short(&worker.ready),
        grouped(worker.pings),
        grouped(worker.notices)
    )?;
    writeln!(
        out,
        "  published     {} of {} in {} ({:.0}/s open loop, {} B, {} channels, {} publishers)",
        grouped(publisher.accepted),
        grouped(plan.publications()),
        seconds(course.publishing),
        plan.rate,
        plan.payload_bytes,
        plan.channels,
        plan.publishers,
    )?;
    writeln!(
        out,
        "                {} failed{}   ack {}",
        grouped(total(&publisher.failed)),
        in_brackets(&describe(&publisher.failed)),
        short(&publisher.ack)
    )?;
    writeln!(
        out,
        "  delivered     {} of {} expected ({}/s)",
        grouped(worker.received),
        grouped(publisher.expected),
        grouped((worker.received as f64 / course.publishing.as_secs_f64().max(0.001)) as u64),
    )?;
    writeln!(
        out,
        "                silent loss {}   missed by closed sockets {}   dup {}   reordered {}   foreign {}   malformed {}",
        grouped(worker.lost),
        grouped(worker.missed_by_closed),
        grouped(worker.duplicates),
        grouped(worker.reorders),
        grouped(worker.foreign),
        grouped(worker.malformed),
    )?;
    writeln!(
        out,
        "  latency       p50       p90       p99       p99.9     max       samples"
    )?;
    long(out, "delivery", &worker.delivery, "from when it was due")?;
    long(out, "transit", &worker.transit, "from when it was sent")?;
    writeln!(
        out,
        "  tester        {:.2} cores   send lag p99 {} max {}   subscriber counts checked {}   drained in {}",
        course.cores,
        latency(publisher.lag.quantile(0.99)),
        latency(publisher.lag.max()),
        grouped(publisher.cross_checked),
        seconds(course.draining),
    )?;
    writeln!(out)?;
    for check in checks {
        let mark = if check.ok { "ok  " } else { "FAIL" };
        writeln!(out, "  {mark}  {:<30}  {}", check.name, check.actual)?;
        let of_worker = worker.evidence.of(check.kind);
        for line in of_worker.chain(publisher.evidence.of(check.kind)) {
            writeln!(out, "          {line}")?;
        }
    }
    writeln!(out)?;
    let verdict = if checks.iter().all(|check| check.ok) {
        "PASS"
    } else {
        "FAIL"
    };
    match course.cut_short {
        None => writeln!(out, "{verdict}"),
        Some(reason) => writeln!(out, "{reason}: {verdict} until then"),
    }
}

fn short(values: &Latency) -> String {
    format!(
        "p50 {} p99 {} max {}",
        latency(values.quantile(0.5)),
        latency(values.quantile(0.99)),
        latency(values.max())
    )
}

fn long(out: &mut String, name: &str, values: &Latency, from: &str) -> std::fmt::Result {
    write!(out, "   {name:<12} ")?;
    for quantile in [0.5, 0.9, 0.99, 0.999] {
        write!(out, "{:<10}", latency(values.quantile(quantile)))?;
    }
    writeln!(
        out,
        "{:<10}{:<12}({from})",
        latency(values.max()),
        grouped(values.count())
    )
}

fn in_brackets(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(" ({text})")
    }
}
