//! The metrics of made-up runs.

use super::metrics::metrics;
use super::run_record::{CutShort, RunRecord};
use crate::books::tally::WorkerTally;
use crate::books::totals::Totals;
use crate::plan::cohort::Role;
use crate::plan::run_plan::RunPlan;
use crate::plan::run_plan::tests::plan;
use crate::result::metric::Metric;
use crate::result::run_result::{Row, Server, Span};

/// The value of a metric. `None` if there is none of that name.
fn value(plan: &RunPlan, totals: &Totals, record: &RunRecord, name: &str) -> Option<f64> {
    let server = Server {
        leaks: vec!["a leak".to_owned()],
        ..Server::default()
    };
    match metrics(plan, totals, record, Some(&server)).get(name)? {
        Metric::Value { value, .. } => Some(*value),
        Metric::Distribution(_) => None,
    }
}

#[test]
fn adds_up_books_and_ledger() {
    let plan = plan(1, 1, 1, 1);
    let record = RunRecord {
        expects_all: true,
        ..RunRecord::default()
    };
    let difference = |received, uncertain| {
        let worker = WorkerTally {
            received,
            lost: 20,
            declared: 3,
            // None of these is a delivery.
            duplicates: 1000,
            foreign: 1000,
            gap_excess: 1000,
            ..WorkerTally::default()
        };
        let mut totals = Totals {
            worker,
            ..Totals::default()
        };
        totals.publisher.expected = 100;
        totals.publisher.uncertain = u64::from(uncertain > 0);
        totals.publisher.uncertain_deliveries = uncertain;
        value(&plan, &totals, &record, "books.difference")
    };
    assert_eq!(difference(77, 0), Some(0.0));
    assert_eq!(difference(76, 0), Some(1.0));
    assert_eq!(difference(79, 0), Some(2.0));
    // A publication whose response was lost may have arrived or not.
    assert_eq!(difference(77, 2), Some(0.0));
    assert_eq!(difference(79, 2), Some(0.0));
    assert_eq!(difference(80, 2), Some(1.0));
    assert_eq!(difference(75, 2), Some(2.0));
    let none = RunRecord::default();
    let totals = Totals::default();
    assert_eq!(value(&plan, &totals, &none, "books.difference"), None);
}

#[test]
fn counts_what_was_not_sent_in_time() {
    let plan = plan(1, 1, 1, 1);
    let mut totals = Totals::default();
    totals.publisher.accepted = 90;
    totals.publisher.failed.insert("http 503".to_owned(), 4);
    let mut record = RunRecord {
        planned: 100,
        ..RunRecord::default()
    };
    let unsent = |record: &RunRecord| value(&plan, &totals, record, "publish.unsent");
    assert_eq!(unsent(&record), Some(6.0));
    record.planned = 94;
    assert_eq!(unsent(&record), Some(0.0));
    record.planned = 100;
    record.cut_short = Some(CutShort::Interrupted);
    assert_eq!(unsent(&record), Some(0.0));
}

#[test]
fn counts_faults_and_what_the_server_made_of_them() {
    let mut plan = plan(1, 1, 1, 1);
    plan.cohorts.shares = vec![(Role::Slow, 0.1), (Role::NoPong, 0.1)];
    let mut totals = Totals::default();
    totals.worker.slow.expected = 9;
    totals.worker.slow.closed = 7;
    totals.worker.unresponsive.expected = 5;
    totals.worker.unresponsive.closed = 4;
    totals.worker.dropped = 3;
    totals.worker.returned.record_ns(1);
    totals.worker.before.record_ns(100_000_000);
    totals.worker.after.record_ns(300_000_000);
    let record = RunRecord {
        evictions: Some(5),
        ..RunRecord::default()
    };
    for (name, expected) in [
        ("slow.survivors", 2.0),
        ("heartbeat.survivors", 1.0),
        ("server.evictions_uncounted", 2.0),
        ("storm.missing", 2.0),
        ("server.leaks", 1.0),
    ] {
        assert_eq!(
            value(&plan, &totals, &record, name),
            Some(expected),
            "{name}"
        );
    }
    let isolation = value(&plan, &totals, &record, "slow.isolation").expect("it is measured");
    assert!((2.9..3.1).contains(&isolation), "{isolation}");
}

#[test]
fn compares_announcements_both_ways() {
    let mut plan = plan(4, 1, 1, 1);
    plan.rooms = true;
    let record = RunRecord {
        steady: true,
        ..RunRecord::default()
    };
    // Of four members, the last ones to join are announced to 1, 2 and 3 others.
    for (announced, difference) in [(6, 0.0), (5, 1.0), (8, 2.0)] {
        let mut totals = Totals::default();
        totals.worker.announced = announced;
        let found = value(&plan, &totals, &record, "announcements.difference");
        assert_eq!(found, Some(difference));
    }
}

#[test]
fn shows_when_all_but_one_in_a_hundred_are_back() {
    let mut totals = Totals::default();
    totals.worker.dropped = 100;
    for n in 0..100 {
        let seconds = if n < 90 { 1 } else { 4 };
        totals.worker.returned.record_ns(seconds * 1_000_000_000);
    }
    let record = RunRecord::default();
    let t99 = value(&plan(1, 1, 1, 1), &totals, &record, "storm.t99").expect("it is measured");
    assert!((3.9..4.1).contains(&t99), "{t99}");
}

#[test]
fn shows_the_slowest_second_of_a_storm() {
    let row = |at_s, received| Row {
        at_s,
        received,
        ..Row::default()
    };
    let mut totals = Totals::default();
    totals.worker.dropped = 1;
    // The first row and the last one are not of publishing alone.
    totals.rows = vec![
        row(2.5, 1),
        row(3.5, 90),
        row(4.5, 40),
        row(5.5, 80),
        row(6.5, 2),
    ];
    let record = RunRecord {
        phases: vec![Span {
            name: "publish".to_owned(),
            from_s: 2.0,
            to_s: 6.0,
        }],
        ..RunRecord::default()
    };
    let slowest = value(&plan(1, 1, 1, 1), &totals, &record, "storm.slowest_second");
    assert_eq!(slowest, Some(40.0));
}
