//! Judges a run: turns everything that was counted into its result.

use super::assertion::Assertion;
use super::metrics;
use super::run_record::RunRecord;
use super::self_check;
use super::stages;
use crate::books::evidence::EvidenceKind;
use crate::books::totals::Totals;
use crate::plan::run_plan::RunPlan;
use crate::result::run_result::{
    Failure, Host, Run, RunResult, SCHEMA_VERSION, Server, Skipped, Tester,
};
use std::collections::BTreeMap;

/// How a run is named and judged. No figure depends on it.
#[derive(Clone, Debug)]
pub(crate) struct JudgeOptions {
    /// Name of the scenario.
    pub(crate) scenario: String,
    /// `host:port` of the target.
    pub(crate) target: String,
    /// The command line that repeats the run.
    pub(crate) cmd: String,
    /// Assertions given with `--assert`.
    pub(crate) assertions: Vec<Assertion>,
    /// Assertions of the scenario.
    pub(crate) default_assertions: Vec<Assertion>,
    /// What is not asserted, because the target lacks it.
    pub(crate) skipped: Vec<Skipped>,
    /// If the tester could not keep up, only warn: do not exit with 98.
    pub(crate) allow_taint: bool,
}

/// Judges a run.
pub(crate) fn judge(
    judging: &JudgeOptions,
    plan: &RunPlan,
    totals: &Totals,
    record: &RunRecord,
    server: Option<Server>,
) -> RunResult {
    let metrics = metrics::metrics(plan, totals, record, server.as_ref());
    let tester = Tester {
        cpu_avg: record.cores,
        cpu_peak: totals
            .rows
            .iter()
            .map(|row| row.tester_cpu)
            .fold(record.cores, f64::max),
        send_lag_p99_ms: totals.publisher.lag.distribution().p99,
        loop_lag_p99_ms: totals.worker.loop_lag.distribution().p99,
    };
    let mut taint = self_check::reasons(
        &tester,
        record.worker_cores,
        &totals.worker.delivery.distribution(),
    );
    taint.extend(record.thread_errors.iter().cloned());
    // A scenario's assertions about the server only apply if it was watched, and those about `*.difference` only if no key
    // has dropped sockets meanwhile.
    let asserted: Vec<&Assertion> = judging
        .assertions
        .iter()
        .chain(judging.default_assertions.iter().filter(|assertion| {
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
        .map(|(assertion, judged)| {
            failure(judging, plan, totals, assertion.subject(), &judged.expr)
        })
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
            cmd: judging.cmd.clone(),
            scenario: judging.scenario.clone(),
            seed: plan.seed,
            target: judging.target.clone(),
            host: host(),
            versions: BTreeMap::from([(
                "loadtest".to_owned(),
                env!("CARGO_PKG_VERSION").to_owned(),
            )]),
            started_unix_ms: record.started_unix_ms,
            duration_s: record.phases.last().map_or(0.0, |span| span.to_s),
        },
        passed: assertions.iter().all(|assertion| assertion.ok),
        valid: taint.is_empty(),
        taint,
        phases: record.phases.clone(),
        marks: record.marks.clone(),
        stages: stages::rows(&plan.stages, totals, &record.open_after),
        timeseries: totals.rows.clone(),
        histograms: histograms
            .into_iter()
            .filter(|(_, values)| values.count() > 0)
            .map(|(name, values)| (name.to_owned(), values.export()))
            .collect(),
        metrics,
        assertions,
        skipped: judging.skipped.clone(),
        failures,
        server,
        tester,
        worst: worker.worst.clone(),
    }
}

fn failure(
    judging: &JudgeOptions,
    plan: &RunPlan,
    totals: &Totals,
    subject: &str,
    expr: &str,
) -> Failure {
    let (worker, publisher) = (&totals.worker, &totals.publisher);
    let mut evidence: Vec<String> = EvidenceKind::of_metric(subject)
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
    let mut replay = format!("{} --seed {}", judging.cmd, plan.seed);
    let conn = evidence.iter().find_map(|line| {
        let rest = line.strip_prefix("conn ")?;
        rest.split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse::<u32>()
            .ok()
    });
    if let Some(conn) = conn.filter(|_| !plan.rooms && !plan.stages.set_connections()) {
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
