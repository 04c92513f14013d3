//! The verdicts of made-up runs.

use super::judge::{JudgeOptions, judge};
use super::run_record::RunRecord;
use crate::books::classes::count_class;
use crate::books::evidence::EvidenceKind;
use crate::books::totals::Totals;
use crate::measure::latency::Latency;
use crate::plan::run_plan::tests::plan;
use crate::plan::stages::{Stage, Stages};
use crate::result::run_result::{
    Mark, Row, RunResult, Server, Skipped, Span, Tester, WorstConnection,
};
use std::time::Duration;

/// Is judged by these assertions: those of the user, and those of the scenario.
fn judging(given: &[&str], defaults: &[&str]) -> JudgeOptions {
    let parse = |exprs: &[&str]| {
        exprs
            .iter()
            .map(|expr| expr.parse().expect("valid"))
            .collect()
    };
    JudgeOptions {
        scenario: "smoke".to_owned(),
        target: "127.0.0.1:3000".to_owned(),
        cmd: "loadtest run smoke".to_owned(),
        assertions: parse(given),
        default_assertions: parse(defaults),
        skipped: Vec::new(),
        allow_taint: false,
    }
}

/// Judges a run without deliveries by these assertions.
fn judged(given: &[&str], defaults: &[&str]) -> RunResult {
    let mut totals = Totals::default();
    totals.worker.lose(|| "conn 3: lost seq 7".to_owned());
    judge_totals(&judging(given, defaults), &totals)
}

fn judge_totals(judging: &JudgeOptions, totals: &Totals) -> RunResult {
    judge(
        judging,
        &plan(9, 1, 1, 1),
        totals,
        &RunRecord::default(),
        None,
    )
}

fn latency(ms: u64) -> Latency {
    let mut latency = Latency::default();
    latency.record_ns(ms * 1_000_000);
    latency
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
fn judges_a_watched_server_by_the_assertions_of_the_scenario() {
    let judging = judging(&[], &["server.leaks==0"]);
    let totals = Totals::default();
    for leaks in [vec![], vec!["3 descriptors".to_owned()]] {
        let server = Server {
            leaks: leaks.clone(),
            ..Server::default()
        };
        let record = RunRecord::default();
        let result = judge(
            &judging,
            &plan(1, 1, 1, 1),
            &totals,
            &record,
            Some(server.clone()),
        );
        assert_eq!(result.assertions.len(), 1);
        assert_eq!(result.passed, leaks.is_empty());
        assert_eq!(result.server, Some(server));
    }
}

#[test]
fn shows_evidence_and_how_to_replay_it() {
    let result = judged(&["loss.silent==0"], &[]);
    assert_eq!(result.failures[0].evidence, ["conn 3: lost seq 7"]);
    let replay = "loadtest run smoke --seed 1 --only-conn 3";
    assert_eq!(result.failures[0].replay, replay);
}

#[test]
fn replays_all_sockets_if_one_alone_would_not_show_it() {
    let judging = judging(&["loss.silent==0"], &[]);
    let mut totals = Totals::default();
    totals.worker.lose(|| "conn 3: lost seq 7".to_owned());
    let mut rooms = plan(9, 1, 1, 1);
    rooms.rooms = true;
    let mut staged = plan(9, 1, 1, 1);
    staged.stages = Stages::new(vec![Stage {
        text: "9@1s".to_owned(),
        connections: Some(9),
        rate: None,
        time: Duration::from_secs(1),
    }]);
    for plan in [rooms, staged] {
        let result = judge(&judging, &plan, &totals, &RunRecord::default(), None);
        assert_eq!(result.failures[0].replay, "loadtest run smoke --seed 1");
    }
    // Neither can what no single socket has seen.
    let mut totals = Totals::default();
    totals.worker.lose(|| "relay 4: lost seq 7".to_owned());
    let result = judge_totals(&judging, &totals);
    assert_eq!(result.failures[0].replay, "loadtest run smoke --seed 1");
}

#[test]
fn shows_the_evidence_of_publishers_and_the_classes_of_failures() {
    let mut totals = Totals::default();
    totals.publisher.mismatches = 1;
    let evidence = &mut totals.publisher.evidence;
    evidence.note(EvidenceKind::Subscribers, || "4 instead of 5".to_owned());
    for _ in 0..3 {
        count_class(&mut totals.publisher.failed, "http 503");
    }
    let failures = |expr| judge_totals(&judging(&[expr], &[]), &totals).failures;
    assert_eq!(
        failures("subscribers.mismatch==0")[0].evidence,
        ["4 instead of 5"]
    );
    assert_eq!(failures("publish.errors==0")[0].evidence, ["3 http 503"]);
    // Of another metric, neither.
    assert!(failures("publish.accepted==9")[0].evidence.is_empty());
}

#[test]
fn is_not_valid_when_a_thread_had_to_stop() {
    for errors in [vec![], vec!["worker 0: too many open files".to_owned()]] {
        let record = RunRecord {
            thread_errors: errors.clone(),
            ..RunRecord::default()
        };
        let totals = Totals::default();
        let result = judge(
            &judging(&[], &[]),
            &plan(1, 1, 1, 1),
            &totals,
            &record,
            None,
        );
        assert_eq!(result.valid, errors.is_empty());
        assert_eq!(result.taint, errors);
    }
}

#[test]
fn is_not_valid_when_the_tester_did_not_keep_up() {
    let taint = |worker_cores, lag_ms, loop_lag_ms| {
        let mut totals = Totals::default();
        totals.worker.delivery = latency(100);
        totals.publisher.lag = latency(lag_ms);
        totals.worker.loop_lag = latency(loop_lag_ms);
        let record = RunRecord {
            worker_cores,
            ..RunRecord::default()
        };
        let result = judge(
            &judging(&[], &[]),
            &plan(1, 1, 1, 1),
            &totals,
            &record,
            None,
        );
        assert_eq!(result.valid, result.taint.is_empty());
        let first = result.taint.first().map(|reason| reason.split(' ').next());
        first.flatten().unwrap_or_default().to_owned()
    };
    assert_eq!(taint(0.5, 1, 1), "");
    assert_eq!(taint(0.95, 1, 1), "its");
    assert_eq!(taint(0.5, 40, 1), "sending");
    assert_eq!(taint(0.5, 1, 40), "the");
}

#[test]
fn keeps_what_was_measured() {
    let span = |name: &str, to_s| Span {
        name: name.to_owned(),
        from_s: 0.0,
        to_s,
    };
    let row = |tester_cpu| Row {
        tester_cpu,
        ..Row::default()
    };
    let record = RunRecord {
        started_unix_ms: 1234,
        phases: vec![span("connect", 1.0), span("close", 9.5)],
        marks: vec![Mark {
            label: "storm".to_owned(),
            ..Mark::default()
        }],
        cores: 0.25,
        ..RunRecord::default()
    };
    let mut totals = Totals {
        rows: vec![row(0.5), row(1.5), row(1.0)],
        ..Totals::default()
    };
    totals.worker.delivery = latency(1);
    totals.worker.transit = latency(2);
    totals.worker.ready = latency(3);
    totals.publisher.ack = latency(4);
    totals.publisher.lag = latency(5);
    totals.worker.loop_lag = latency(6);
    totals.worker.worst.push(WorstConnection::default());
    let mut judging = judging(&[], &[]);
    judging.skipped.push(Skipped::default());
    let result = judge(&judging, &plan(1, 1, 1, 1), &totals, &record, None);
    let run = &result.run;
    assert_eq!((run.id.as_str(), run.seed), ("0000abcd", 1));
    assert_eq!(
        (run.scenario.as_str(), run.target.as_str()),
        ("smoke", "127.0.0.1:3000")
    );
    assert_eq!(
        (run.cmd.as_str(), run.started_unix_ms),
        ("loadtest run smoke", 1234)
    );
    assert!((run.duration_s - 9.5).abs() < 1e-9);
    let tester = Tester {
        cpu_avg: 0.25,
        cpu_peak: 1.5,
        send_lag_p99_ms: totals.publisher.lag.distribution().p99,
        loop_lag_p99_ms: totals.worker.loop_lag.distribution().p99,
    };
    assert_eq!(result.tester, tester);
    let histograms = [
        ("delivery", latency(1)),
        ("transit", latency(2)),
        ("connect.ready", latency(3)),
        ("publish.ack", latency(4)),
        ("send.lag", latency(5)),
    ]
    .map(|(name, latency)| (name.to_owned(), latency.export()));
    assert_eq!(result.histograms, histograms.into());
    assert_eq!(
        (&result.phases, &result.marks),
        (&record.phases, &record.marks)
    );
    assert_eq!(
        (&result.timeseries, &result.worst),
        (&totals.rows, &totals.worker.worst)
    );
    assert_eq!(result.skipped, judging.skipped);
    assert!(result.passed && result.valid);
    // What was not measured has no histogram.
    assert!(
        judge_totals(&judging, &Totals::default())
            .histograms
            .is_empty()
    );
}
