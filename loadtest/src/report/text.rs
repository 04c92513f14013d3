//! The report on standard output.

use crate::base::units::{grouped, latency, seconds};
use crate::books::classes::{describe, total};
use crate::books::tally::WorkerTally;
use crate::books::totals::Totals;
use crate::measure::latency::Latency;
use crate::plan::run_plan::RunPlan;
use crate::result::metric::Metric;
use crate::result::run_result::{RunResult, Server};
use crate::verdict::run_record::RunRecord;
use std::fmt::Write;

/// Renders the report. Its last line is the verdict.
pub(crate) fn render(
    plan: &RunPlan,
    totals: &Totals,
    record: &RunRecord,
    result: &RunResult,
) -> String {
    let mut text = String::new();
    write(&mut text, plan, totals, record, result).expect("writing to a String cannot fail");
    text
}

fn write(
    out: &mut String,
    plan: &RunPlan,
    totals: &Totals,
    record: &RunRecord,
    result: &RunResult,
) -> std::fmt::Result {
    let (worker, publisher) = (&totals.worker, &totals.publisher);
    writeln!(out)?;
    connections(out, plan, worker, record)?;
    publications(out, plan, totals, record)?;
    deliveries(out, totals, record)?;
    writeln!(
        out,
        "  latency       p50       p90       p99       p99.9     max       samples"
    )?;
    latency_row(out, "delivery", &worker.delivery, "from due time")?;
    latency_row(out, "transit", &worker.transit, "from send time")?;
    stage_rows(out, result)?;
    writeln!(
        out,
        "  tester        {:.2} cores   send lag p99 {} max {}   subscriber counts checked {}   drained in {}",
        record.cores,
        latency(publisher.lag.quantile(0.99)),
        latency(publisher.lag.max()),
        grouped(publisher.cross_checked),
        seconds(record.phase("drain")),
    )?;
    fault_lines(out, result)?;
    if let Some(server) = &result.server {
        server_line(out, server)?;
    }
    writeln!(out)?;
    assertions(out, result)?;
    writeln!(out)?;
    if !result.valid {
        writeln!(
            out,
            "TAINTED: the tester could not keep up, so the latencies are partly its own"
        )?;
        for reason in &result.taint {
            writeln!(out, "  {reason}")?;
        }
    }
    let verdict = if result.passed { "PASS" } else { "FAIL" };
    match record.cut_short {
        None => writeln!(out, "{verdict}"),
        Some(reason) => writeln!(out, "{reason}: {verdict} until then"),
    }
}

fn connections(
    out: &mut String,
    plan: &RunPlan,
    worker: &WorkerTally,
    record: &RunRecord,
) -> std::fmt::Result {
    let time = if plan.stages.set_connections() {
        "stages".to_owned()
    } else {
        seconds(record.phase("connect"))
    };
    writeln!(
        out,
        "  connections   {} opened in {time}   {} failed{}   {} unexpected closes{}",
        grouped(worker.opened),
        grouped(total(&worker.connect_failed)),
        in_brackets(&describe(&worker.connect_failed)),
        grouped(total(&worker.closed)),
        in_brackets(&describe(&worker.closed)),
    )?;
    writeln!(
        out,
        "                ready {}   {} pings answered   {} notices",
        in_short(&worker.ready),
        grouped(worker.pings),
        grouped(worker.notices)
    )
}

fn publications(
    out: &mut String,
    plan: &RunPlan,
    totals: &Totals,
    record: &RunRecord,
) -> std::fmt::Result {
    let (worker, publisher) = (&totals.worker, &totals.publisher);
    writeln!(
        out,
        "  published     {} of {} in {} ({} open loop{}, {} B, {}, {} {}{})",
        grouped(publisher.accepted),
        grouped(record.planned),
        seconds(record.phase("publish")),
        pace(plan, record.rates),
        if plan.arrivals.is_even() {
            ""
        } else {
            " at random"
        },
        plan.payload_bytes,
        plan.topics(),
        plan.publishers,
        plural(plan.publishers, "publisher"),
        if plan.rooms { " in each" } else { "" },
    )?;
    writeln!(
        out,
        "                {} failed{}   {}",
        grouped(total(&publisher.failed)),
        in_brackets(&describe(&publisher.failed)),
        if plan.rooms {
            format!("{} joins announced", grouped(worker.announced))
        } else {
            format!("ack {}", in_short(&publisher.ack))
        }
    )
}

fn deliveries(out: &mut String, totals: &Totals, record: &RunRecord) -> std::fmt::Result {
    let (worker, publisher) = (&totals.worker, &totals.publisher);
    let expected = if record.expects_all {
        format!(" of {} expected", grouped(publisher.expected))
    } else {
        // What is published while a socket is away is owed to nobody.
        let found = worker.received + worker.lost + worker.declared;
        let all = publisher.expected.max(found);
        format!(
            " + {} missing + {} not owed (away) = {}",
            grouped(worker.lost + worker.declared),
            grouped(all - found),
            grouped(all)
        )
    };
    writeln!(
        out,
        "  delivered     {}{expected} ({}/s)",
        grouped(worker.received),
        grouped((worker.received as f64 / record.phase("publish").as_secs_f64().max(0.001)) as u64),
    )?;
    writeln!(
        out,
        "                silent loss {}   declared {}   dup {}   reordered {}   foreign {}   malformed {}",
        grouped(worker.lost),
        grouped(worker.declared),
        grouped(worker.duplicates),
        grouped(worker.reorders),
        grouped(worker.foreign),
        grouped(worker.malformed),
    )
}

/// One line per stage.
fn stage_rows(out: &mut String, result: &RunResult) -> std::fmt::Result {
    if result.stages.is_empty() {
        return Ok(());
    }
    let widest = result.stages.iter().map(|row| row.stage.len()).max();
    let width = widest.unwrap_or(0).max(12);
    writeln!(
        out,
        "  {:<width$}  sockets   published   delivered    p50       p99       max",
        "stages"
    )?;
    for row in &result.stages {
        let shown = |value: f64| match row.delivery.count {
            0 => "-".to_owned(),
            _ => row.delivery.unit.format(value),
        };
        writeln!(
            out,
            "   {:<width$} {:<9} {:<11} {:<12} {:<9} {:<9} {}",
            row.stage,
            row.open.map_or_else(|| "-".to_owned(), grouped),
            grouped(row.published),
            grouped(row.received),
            shown(row.delivery.p50),
            shown(row.delivery.p99),
            shown(row.delivery.max),
        )?;
    }
    Ok(())
}

/// One line per kind of fault in the run.
fn fault_lines(out: &mut String, result: &RunResult) -> std::fmt::Result {
    for name in ["churn", "storm", "recovery", "slow", "heartbeat", "attacks"] {
        let prefix = format!("{name}.");
        let figures: Vec<String> = result
            .metrics
            .iter()
            .filter_map(|(full, metric)| {
                let figure = full.strip_prefix(&prefix)?;
                Some(match metric {
                    Metric::Value { unit, value } => format!("{figure} {}", unit.format(*value)),
                    Metric::Distribution(values) => format!(
                        "{figure} p50 {} max {}",
                        values.unit.format(values.p50),
                        values.unit.format(values.max)
                    ),
                })
            })
            .collect();
        if !figures.is_empty() {
            writeln!(out, "  {name:<12}  {}", figures.join("   "))?;
        }
    }
    Ok(())
}

fn server_line(out: &mut String, server: &Server) -> std::fmt::Result {
    let per_conn = server
        .kib_per_conn
        .map_or_else(|| "-".to_owned(), |kib| format!("{kib:.1}"));
    writeln!(
        out,
        "  server        {:.2} cores avg, {:.2} peak   rss {:.0} MiB   {per_conn} KiB/conn   fds {}   threads {}   leaks {}",
        server.cpu_avg,
        server.cpu_peak,
        server.rss_peak_kib as f64 / 1024.0,
        grouped(server.fds_peak),
        server.threads_peak,
        if server.leaks.is_empty() {
            "none".to_owned()
        } else {
            server.leaks.join("; ")
        },
    )
}

fn assertions(out: &mut String, result: &RunResult) -> std::fmt::Result {
    for assertion in &result.assertions {
        let mark = if assertion.ok { "ok  " } else { "FAIL" };
        writeln!(
            out,
            "  {mark}  {:<28}  {}",
            assertion.expr, assertion.actual
        )?;
        let failure = result
            .failures
            .iter()
            .find(|failure| failure.expr == assertion.expr);
        if let Some(failure) = failure.filter(|_| !assertion.ok) {
            for line in &failure.evidence {
                writeln!(out, "          {line}")?;
            }
            writeln!(out, "          replay: {}", failure.replay)?;
        }
    }
    for skipped in &result.skipped {
        writeln!(out, "  off   {:<28}  {}", skipped.expr, skipped.reason)?;
    }
    Ok(())
}

/// The rate: `100/s`, or the range if it was changed in stages or with keys.
fn pace(plan: &RunPlan, (low, high): (f64, f64)) -> String {
    if plan.stages.set_rates() {
        format!("up to {:.0}/s in stages,", plan.rate)
    } else if high - low < 0.5 {
        format!("{low:.0}/s")
    } else {
        format!("{low:.0} to {high:.0}/s by keys,")
    }
}

fn in_short(values: &Latency) -> String {
    format!(
        "p50 {} p99 {} max {}",
        latency(values.quantile(0.5)),
        latency(values.quantile(0.99)),
        latency(values.max())
    )
}

fn latency_row(out: &mut String, name: &str, values: &Latency, from: &str) -> std::fmt::Result {
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

/// `word`, or its plural.
fn plural(count: u32, word: &str) -> String {
    format!("{word}{}", if count == 1 { "" } else { "s" })
}

fn in_brackets(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(" ({text})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::run_plan::tests::plan;

    #[test]
    fn shows_the_range_of_rates_that_keys_made() {
        let plan = plan(1, 1, 1, 1);
        assert_eq!(pace(&plan, (100.0, 100.0)), "100/s");
        assert_eq!(pace(&plan, (80.0, 156.25)), "80 to 156/s by keys,");
    }
}
