//! The metrics of a run.

use super::run_record::RunRecord;
use crate::books::classes::total;
use crate::books::close_counts::CloseCounts;
use crate::books::tally::WorkerTally;
use crate::books::totals::Totals;
use crate::measure::latency::Latency;
use crate::plan::cohort::Role;
use crate::plan::run_plan::RunPlan;
use crate::result::metric::{Distribution, Metric, Unit};
use crate::result::run_result::Server;
use std::collections::BTreeMap;

/// `slow.isolation` compares 99th percentiles. Below this, differences are noise of the machine.
const ISOLATION_FLOOR_MS: f64 = 20.0;

/// All metrics, by dotted name.
pub(super) fn metrics(
    plan: &RunPlan,
    totals: &Totals,
    record: &RunRecord,
    server: Option<&Server>,
) -> BTreeMap<String, Metric> {
    let (worker, publisher) = (&totals.worker, &totals.publisher);
    let mut metrics = BTreeMap::new();
    let mut value = |name: &str, unit, value: f64| {
        metrics.insert(name.to_owned(), Metric::Value { unit, value });
    };
    let failed = total(&publisher.failed);
    let counts = [
        ("conns.ready", worker.opened),
        ("conns.peak", u64::from(record.peak)),
        ("connect.errors", total(&worker.connect_failed)),
        ("closes.unexpected", total(&worker.closed)),
        ("publish.accepted", publisher.accepted),
        ("publish.errors", failed),
        (
            "publish.unsent",
            if record.cut_short.is_some() {
                0
            } else {
                record.planned.saturating_sub(publisher.accepted + failed)
            },
        ),
        ("received", worker.received),
        ("loss.silent", worker.lost),
        ("loss.declared", worker.declared),
        ("gaps.excess", worker.gap_excess),
        ("dups", worker.duplicates),
        ("reorders", worker.reorders),
        ("foreign", worker.foreign),
        ("malformed", worker.malformed),
        ("errors", worker.errors),
        ("notices", worker.notices),
        ("pings", worker.pings),
        ("subscribers.mismatch", publisher.mismatches),
        ("subscribers.checked", publisher.cross_checked),
    ];
    for (name, count) in counts {
        value(name, Unit::Count, count as f64);
    }
    if record.steady && plan.rooms {
        let difference = plan.announcements().abs_diff(worker.announced);
        value("announcements", Unit::Count, worker.announced as f64);
        value("announcements.difference", Unit::Count, difference as f64);
    }
    if record.expects_all {
        // Books and ledger are independent. What was received and what is missing must add up to what was published.
        // A publication whose response was lost may be among them, or not.
        let found = worker.received + worker.lost + worker.declared;
        let most = publisher.expected + publisher.uncertain_deliveries;
        let difference = found.abs_diff(found.clamp(publisher.expected, most));
        value("expected", Unit::Count, publisher.expected as f64);
        value("books.difference", Unit::Count, difference as f64);
    }
    let slowest = slowest_second(totals, record);
    fault_metrics(plan, worker, slowest, &mut value);
    if let Some(evictions) = record.evictions.filter(|_| has_slow(plan)) {
        // Most sockets that do not read never see a Close frame, but the server counts its evictions.
        let uncounted = worker.slow.closed.saturating_sub(evictions);
        value("server.evictions_uncounted", Unit::Count, uncounted as f64);
    }
    let seconds = record.phase("publish").as_secs_f64().max(0.001);
    value(
        "received.rate",
        Unit::PerSecond,
        worker.received as f64 / seconds,
    );
    value("tester.worker_cpu", Unit::Cores, record.worker_cores);
    if let Some(server) = server {
        value("server.cpu", Unit::Cores, server.cpu_avg);
        value("server.rss", Unit::Kibibytes, server.rss_peak_kib as f64);
        value("server.fds", Unit::Count, server.fds_peak as f64);
        value("server.leaks", Unit::Count, server.leaks.len() as f64);
        if let Some(kib) = server.kib_per_conn {
            value("server.kib_per_conn", Unit::Kibibytes, kib);
        }
        if let Some(slope) = server.rss_slope_kib_per_h {
            value("server.rss_slope", Unit::KibibytesPerHour, slope);
        }
    }
    let distributions: [(&str, Distribution); 9] = [
        ("heartbeat.close", worker.unresponsive.after.distribution()),
        ("slow.evict", worker.slow.after.distribution()),
        ("storm.return", worker.returned.distribution()),
        ("delivery", worker.delivery.distribution()),
        ("transit", worker.transit.distribution()),
        ("connect.ready", worker.ready.distribution()),
        ("publish.ack", publisher.ack.distribution()),
        ("send.lag", publisher.lag.distribution()),
        ("loop.lag", worker.loop_lag.distribution()),
    ];
    for (name, distribution) in distributions {
        // Leaves out what this scenario does not measure.
        if distribution.count == 0 && name.contains('.') {
            continue;
        }
        metrics.insert(name.to_owned(), Metric::Distribution(distribution));
    }
    metrics
}

/// The lowest number of deliveries in a whole second of publishing.
fn slowest_second(totals: &Totals, record: &RunRecord) -> Option<u64> {
    let phase = record.phases.iter().find(|span| span.name == "publish")?;
    let is_whole = |at_s: f64| at_s - 1.0 >= phase.from_s && at_s <= phase.to_s;
    let rows = totals.rows.iter().filter(|row| is_whole(row.at_s));
    rows.map(|row| row.received).min()
}

fn has_slow(plan: &RunPlan) -> bool {
    plan.cohorts
        .shares
        .iter()
        .any(|(role, _)| *role == Role::Slow)
}

/// The metrics of churn, storms and cohorts, if the run had them.
fn fault_metrics(
    plan: &RunPlan,
    worker: &WorkerTally,
    slowest: Option<u64>,
    value: &mut impl FnMut(&str, Unit, f64),
) {
    let mut counts = |name: &str, counts: &CloseCounts| {
        let counts = [
            ("doomed", counts.expected),
            ("closed", counts.closed),
            ("survivors", counts.expected.saturating_sub(counts.closed)),
            ("early", counts.early),
            ("late", counts.late),
            ("coded", counts.coded),
            ("miscoded", counts.miscoded),
        ];
        for (figure, count) in counts {
            value(&format!("{name}.{figure}"), Unit::Count, count as f64);
        }
    };
    if plan
        .cohorts
        .shares
        .iter()
        .any(|(role, _)| *role != Role::Slow)
    {
        counts("heartbeat", &worker.unresponsive);
    }
    if has_slow(plan) {
        counts("slow", &worker.slow);
        if worker.before.count() > 0 && worker.after.count() > 0 {
            let p99 = |values: &Latency| values.distribution().p99.max(ISOLATION_FLOOR_MS);
            let ratio = p99(&worker.after) / p99(&worker.before);
            value("slow.isolation", Unit::Ratio, ratio);
        }
    }
    if plan.attacks {
        value("attacks.made", Unit::Count, worker.attacks as f64);
        value("attacks.wrong", Unit::Count, worker.attacks_wrong as f64);
    }
    if plan.churn > 0.0 {
        value("churn.returned", Unit::Count, worker.churned as f64);
    }
    if plan.churn > 0.0 || plan.stages.close_sockets() {
        value("churn.stuck", Unit::Count, worker.stuck as f64);
    }
    if plan.positions {
        value("recovery.recovered", Unit::Count, worker.recovered as f64);
        value(
            "recovery.wrong",
            Unit::Count,
            worker.wrong_recoveries as f64,
        );
        value(
            "recovery.refused",
            Unit::Count,
            worker.refused_recoveries as f64,
        );
    }
    if plan.storm.is_some() || plan.drops > 0.0 || worker.dropped > 0 {
        let missing = worker.dropped.saturating_sub(worker.returned.count());
        value("storm.dropped", Unit::Count, worker.dropped as f64);
        value("storm.in_flight", Unit::Count, worker.in_flight as f64);
        value("storm.missing", Unit::Count, missing as f64);
        if let Some(slowest) = slowest {
            value("storm.slowest_second", Unit::PerSecond, slowest as f64);
        }
        if worker.returned.count() > 0 {
            let t99 = worker.returned.distribution().p99 / 1000.0;
            value("storm.t99", Unit::Seconds, t99);
        }
    }
}
