//! Makes the result of a run out of everything that was counted.

use crate::assertion::Assertion;
use crate::cohort::Role;
use crate::latency::Latency;
use crate::plan::Plan;
use crate::result::{
    self, Distribution, Failure, Host, Metric, Run, RunResult, SCHEMA_VERSION, Server, Span,
    Tester, Unit,
};
use crate::taint;
use crate::tally::{Fates, Kind, WorkerTally, total};
use crate::totals::Totals;
use std::collections::BTreeMap;
use std::time::Duration;

/// The healthy's 99 % below which `slow.isolation` sees no difference.
const ISOLATION_FLOOR_MS: f64 = 20.0;

/// What a run is called and how it is judged; the figures do not depend on it.
#[derive(Clone, Debug)]
pub(crate) struct Brief {
    pub(crate) scenario: String,
    /// `host:port` of the target.
    pub(crate) target: String,
    /// The command line that repeats the run.
    pub(crate) cmd: String,
    /// Those of the command line.
    pub(crate) assertions: Vec<Assertion>,
    /// Those of the scenario.
    pub(crate) default_assertions: Vec<Assertion>,
    /// A taint is told, but does not decide the exit code.
    pub(crate) allow_taint: bool,
}

/// What only the conductor knows.
#[derive(Debug, Default)]
pub(crate) struct Course {
    pub(crate) started_unix_ms: u64,
    /// Seconds since the start.
    pub(crate) phases: Vec<Span>,
    pub(crate) marks: Vec<result::Mark>,
    /// Mean cores of this process while publishing and draining.
    pub(crate) cores: f64,
    /// Mean cores of one worker in that time.
    pub(crate) worker_cores: f64,
    /// Why the run ended before its time.
    pub(crate) cut_short: Option<&'static str>,
    pub(crate) peak: u32,
    /// Publications that were due, as the schedule stood at the end.
    pub(crate) planned: u64,
    /// Whether every socket stayed, as far as the tester is concerned.
    pub(crate) steady: bool,
    /// Slow consumers the server says it has evicted.
    pub(crate) evictions: Option<u64>,
}

impl Course {
    /// How long a phase took.
    pub(crate) fn phase(&self, name: &str) -> Duration {
        self.phases
            .iter()
            .find(|span| span.name == name)
            .map_or(Duration::ZERO, |span| {
                Duration::from_secs_f64((span.to_s - span.from_s).max(0.0))
            })
    }
}

/// Judges a run.
pub(crate) fn result(
    brief: &Brief,
    plan: &Plan,
    totals: &Totals,
    course: &Course,
    server: Option<Server>,
) -> RunResult {
    let metrics = metrics(plan, totals, course, server.as_ref());
    let tester = Tester {
        cpu_avg: course.cores,
        cpu_peak: totals
            .rows
            .iter()
            .map(|row| row.tester_cpu)
            .fold(course.cores, f64::max),
        send_lag_p99_ms: totals.publisher.lag.distribution().p99,
        loop_lag_p99_ms: totals.worker.loop_lag.distribution().p99,
    };
    let taint = taint::reasons(
        &tester,
        course.worker_cores,
        &totals.worker.delivery.distribution(),
    );
    // What a scenario asserts of the server holds where the server can be watched, and what it asserts of a steady
    // run where nobody made it unsteady by hand.
    let asserted: Vec<&Assertion> = brief
        .assertions
        .iter()
        .chain(brief.default_assertions.iter().filter(|assertion| {
            let subject = assertion.subject();
            let optional = subject.starts_with("server.") || subject.ends_with(".difference");
            !optional || metrics.contains_key(subject)
        }))
        .collect();
    let assertions: Vec<_> = asserted
        .iter()
        .map(|assertion| assertion.judge(&metrics))
        .collect();
    let failures = asserted
        .iter()
        .zip(&assertions)
        .filter(|(_, judged)| !judged.ok)
        .map(|(assertion, judged)| failure(brief, plan, totals, assertion.subject(), &judged.expr))
        .collect();
    let worker = &totals.worker;
    let histograms = [
        ("delivery", &worker.delivery),
        ("transit", &worker.transit),
        ("connect.ready", &worker.ready),
        ("publish.ack", &totals.publisher.ack),
        ("send.lag", &totals.publisher.lag),
    ];
    RunResult {
        schema_version: SCHEMA_VERSION,
        run: Run {
            id: format!("{:08x}", plan.run),
            cmd: brief.cmd.clone(),
            scenario: brief.scenario.clone(),
            seed: plan.seed,
            target: brief.target.clone(),
            host: host(),
            versions: BTreeMap::from([(
                "loadtest".to_owned(),
                env!("CARGO_PKG_VERSION").to_owned(),
            )]),
            started_unix_ms: course.started_unix_ms,
            duration_s: course.phases.last().map_or(0.0, |span| span.to_s),
        },
        passed: assertions.iter().all(|assertion| assertion.ok),
        valid: taint.is_empty(),
        taint,
        phases: course.phases.clone(),
        marks: course.marks.clone(),
        timeseries: totals.rows.clone(),
        histograms: histograms
            .into_iter()
            .filter(|(_, values)| values.count() > 0)
            .map(|(name, values)| (name.to_owned(), values.export()))
            .collect(),
        metrics,
        assertions,
        failures,
        server,
        tester,
        worst: worker.worst.clone(),
    }
}

fn metrics(
    plan: &Plan,
    totals: &Totals,
    course: &Course,
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
        ("conns.peak", u64::from(course.peak)),
        ("connect.errors", total(&worker.connect_failed)),
        ("closes.unexpected", total(&worker.closed)),
        ("publish.accepted", publisher.accepted),
        ("publish.errors", failed),
        (
            "publish.unsent",
            if course.cut_short.is_some() {
                0
            } else {
                course.planned.saturating_sub(publisher.accepted + failed)
            },
        ),
        ("received", worker.received),
        ("loss.silent", worker.lost),
        ("loss.declared", worker.missed_by_closed),
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
    if course.steady {
        // Books and ledger are kept apart; what was received and what is missing must add up to what was due.
        let found = worker.received + worker.lost + worker.missed_by_closed;
        let apart = if publisher.uncertain > 0 {
            0
        } else {
            publisher.expected.abs_diff(found)
        };
        if plan.rooms {
            let apart = plan.announcements().abs_diff(worker.announced);
            value("announcements", Unit::Count, worker.announced as f64);
            value("announcements.difference", Unit::Count, apart as f64);
        }
        value("expected", Unit::Count, publisher.expected as f64);
        value("books.difference", Unit::Count, apart as f64);
    }
    trouble(plan, worker, &mut value);
    if let Some(evictions) = course.evictions.filter(|_| has_slow(plan)) {
        // Most sockets that do not read cannot be told why they end, but the server knows.
        let uncounted = worker.slow.closed.saturating_sub(evictions);
        value("server.evictions_uncounted", Unit::Count, uncounted as f64);
    }
    let seconds = course.phase("publish").as_secs_f64().max(0.001);
    value(
        "received.rate",
        Unit::PerSecond,
        worker.received as f64 / seconds,
    );
    value("tester.worker_cpu", Unit::Cores, course.worker_cores);
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
        ("heartbeat.close", worker.silent.after.distribution()),
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
        // What a scenario does not do has no figures.
        if distribution.count == 0 && name.contains('.') {
            continue;
        }
        metrics.insert(name.to_owned(), Metric::Distribution(distribution));
    }
    metrics
}

fn has_slow(plan: &Plan) -> bool {
    plan.cohorts
        .shares
        .iter()
        .any(|(role, _)| *role == Role::Slow)
}

/// The figures of churn, storm and cohorts, where the run had them.
fn trouble(plan: &Plan, worker: &WorkerTally, value: &mut impl FnMut(&str, Unit, f64)) {
    let mut fates = |name: &str, fates: &Fates| {
        let counts = [
            ("doomed", fates.doomed),
            ("closed", fates.closed),
            ("survivors", fates.doomed.saturating_sub(fates.closed)),
            ("early", fates.early),
            ("late", fates.late),
            ("coded", fates.coded),
            ("miscoded", fates.miscoded),
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
        fates("heartbeat", &worker.silent);
    }
    if has_slow(plan) {
        fates("slow", &worker.slow);
        if worker.before.count() > 0 && worker.after.count() > 0 {
            // Below the floor a difference is noise of the machine.
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
        value("churn.stuck", Unit::Count, worker.stuck as f64);
    }
    if plan.storm.is_some() || worker.dropped > 0 {
        let missing = worker.dropped.saturating_sub(worker.returned.count());
        value("storm.dropped", Unit::Count, worker.dropped as f64);
        value("storm.in_flight", Unit::Count, worker.in_flight as f64);
        value("storm.missing", Unit::Count, missing as f64);
        if worker.returned.count() > 0 {
            let t99 = worker.returned.distribution().p99 / 1000.0;
            value("storm.t99", Unit::Seconds, t99);
        }
    }
}

fn failure(brief: &Brief, plan: &Plan, totals: &Totals, subject: &str, expr: &str) -> Failure {
    let (worker, publisher) = (&totals.worker, &totals.publisher);
    let mut evidence: Vec<String> = Kind::of_metric(subject)
        .into_iter()
        .flat_map(|kind| worker.evidence.of(kind).chain(publisher.evidence.of(kind)))
        .map(str::to_owned)
        .collect();
    if subject == "publish.errors" {
        evidence.extend(
            publisher
                .failed
                .iter()
                .map(|(class, n)| format!("{n} {class}")),
        );
    }
    let mut replay = format!("{} --seed {}", brief.cmd, plan.seed);
    let conn = evidence.iter().find_map(|line| {
        let rest = line.strip_prefix("conn ")?;
        rest.split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse::<u32>()
            .ok()
    });
    if let Some(conn) = conn.filter(|_| !plan.rooms) {
        replay = format!("{replay} --only-conn {conn}");
    }
    Failure {
        expr: expr.to_owned(),
        evidence,
        replay,
    }
}

fn host() -> Host {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Host {
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u32,
        kernel: kernel.trim().to_owned(),
    }
}
