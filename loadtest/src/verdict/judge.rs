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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::run_plan::tests::plan;

    /// Judges a run without deliveries by these assertions.
    fn judged(given: &[&str], defaults: &[&str]) -> RunResult {
        let parse = |exprs: &[&str]| {
            exprs
                .iter()
                .map(|expr| expr.parse().expect("valid"))
                .collect()
        };
        let judging = JudgeOptions {
            scenario: "smoke".to_owned(),
            target: String::new(),
            cmd: "loadtest run smoke".to_owned(),
            assertions: parse(given),
            default_assertions: parse(defaults),
            skipped: Vec::new(),
            allow_taint: false,
        };
        let mut totals = Totals::default();
        totals.worker.lose(|| "conn 3: lost seq 7".to_owned());
        let record = RunRecord::default();
        judge(&judging, &plan(9, 1, 1, 1), &totals, &record, None)
    }

    #[test]
    fn passes_only_if_every_assertion_holds() {
        let outcome = |given: &[&str], defaults: &[&str]| {
            let result = judged(given, defaults);
            let failed: Vec<String> = result.failures.into_iter().map(|own| own.expr).collect();
            (result.passed, result.assertions.len(), failed.join(" "))
        };
        let (good, bad) = ("dups==0", "loss.silent==0");
        assert_eq!(outcome(&[], &[good]), (true, 1, String::new()));
        assert_eq!(outcome(&[good], &[bad]), (false, 2, bad.to_owned()));
        assert_eq!(outcome(&[bad], &[good]), (false, 2, bad.to_owned()));
        // Of a scenario's assertions, those about an unwatched server and about sums that were not drawn do not count.
        let optional = ["server.leaks==0", "books.difference==0"];
        assert_eq!(outcome(&[], &optional), (true, 0, String::new()));
        // Others do, and so do those of the user.
        let missing = "recovery.wrong==0";
        assert_eq!(outcome(&[], &[missing]), (false, 1, missing.to_owned()));
        assert_eq!(
            outcome(&[optional[0]], &[]),
            (false, 1, optional[0].to_owned())
        );
    }

    #[test]
    fn shows_evidence_and_how_to_replay_it() {
        let result = judged(&["loss.silent==0"], &[]);
        assert_eq!(result.failures[0].evidence, ["conn 3: lost seq 7"]);
        let replay = "loadtest run smoke --seed 1 --only-conn 3";
        assert_eq!(result.failures[0].replay, replay);
    }

    #[test]
    fn is_not_valid_when_a_thread_had_to_stop() {
        let judging = JudgeOptions {
            scenario: "smoke".to_owned(),
            target: String::new(),
            cmd: String::new(),
            assertions: Vec::new(),
            default_assertions: Vec::new(),
            skipped: Vec::new(),
            allow_taint: false,
        };
        for errors in [vec![], vec!["worker 0: too many open files".to_owned()]] {
            let record = RunRecord {
                thread_errors: errors.clone(),
                ..RunRecord::default()
            };
            let result = judge(
                &judging,
                &plan(1, 1, 1, 1),
                &Totals::default(),
                &record,
                None,
            );
            assert_eq!(result.valid, errors.is_empty());
            assert_eq!(result.taint, errors);
        }
    }
}
