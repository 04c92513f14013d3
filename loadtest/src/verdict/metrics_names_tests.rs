//! Which metrics a run has, and that each is taken from its own figure.

use super::known_metrics;
use super::metrics::metrics;
use super::run_record::RunRecord;
use crate::books::classes::Classes;
use crate::books::close_counts::CloseCounts;
use crate::books::tally::{PublisherTally, WorkerTally};
use crate::books::totals::Totals;
use crate::measure::latency::Latency;
use crate::plan::cohort::Role;
use crate::plan::run_plan::RunPlan;
use crate::plan::run_plan::tests::plan;
use crate::plan::stages::{Stage, Stages};
use crate::plan::storm::Storm;
use crate::result::metric::{Metric, Unit};
use crate::result::run_result::{Row, Server, Span};
use std::time::Duration;

/// This many values of 2 s.
fn latency(count: usize) -> Latency {
    let mut latency = Latency::default();
    (0..count).for_each(|_| latency.record_ns(2_000_000_000));
    latency
}

fn failures(count: u64) -> Classes {
    Classes::from([("a".to_owned(), 1), ("b".to_owned(), count - 1)])
}

fn closes(first: u64, after: usize) -> CloseCounts {
    CloseCounts {
        expected: first + 6,
        closed: first + 1,
        early: first + 2,
        late: first + 3,
        coded: first + 4,
        miscoded: first + 5,
        after: latency(after),
    }
}

/// Every figure has another value.
fn totals() -> Totals {
    let worker = WorkerTally {
        opened: 101,
        connect_failed: failures(102),
        closed: failures(103),
        received: 104,
        lost: 105,
        declared: 106,
        gap_excess: 107,
        duplicates: 108,
        reorders: 109,
        foreign: 110,
        malformed: 111,
        errors: 112,
        notices: 113,
        announced: 114,
        pings: 115,
        ready: latency(1),
        delivery: latency(2),
        transit: latency(3),
        before: latency(1),
        after: latency(1),
        unresponsive: closes(200, 4),
        slow: closes(300, 5),
        churned: 116,
        stuck: 117,
        dropped: 118,
        in_flight: 119,
        recovered: 120,
        refused_recoveries: 121,
        wrong_recoveries: 122,
        returned: latency(6),
        attacks: 123,
        attacks_wrong: 124,
        loop_lag: latency(7),
        ..WorkerTally::default()
    };
    let publisher = PublisherTally {
        accepted: 125,
        failed: failures(126),
        expected: 127,
        mismatches: 128,
        cross_checked: 129,
        ack: latency(8),
        lag: latency(9),
        ..PublisherTally::default()
    };
    let row = |at_s| Row {
        at_s,
        received: 130,
        ..Row::default()
    };
    Totals {
        worker,
        publisher,
        rows: vec![row(3.0)],
        ..Totals::default()
    }
}

fn record() -> RunRecord {
    RunRecord {
        peak: 131,
        planned: 1000,
        worker_cores: 0.5,
        steady: true,
        expects_all: true,
        evictions: Some(132),
        phases: vec![Span {
            name: "publish".to_owned(),
            from_s: 2.0,
            to_s: 6.0,
        }],
        ..RunRecord::default()
    }
}

fn server() -> Server {
    Server {
        cpu_avg: 1.5,
        cpu_peak: 9.0,
        rss_peak_kib: 133,
        kib_per_conn: Some(14.5),
        rss_slope_kib_per_h: Some(15.5),
        fds_peak: 134,
        threads_peak: 9,
        leaks: vec!["memory".to_owned(), "rooms".to_owned()],
        ..Server::default()
    }
}

/// Metrics that count something.
const COUNTS: [(&str, u32); 51] = [
    ("announcements", 114),
    // Four members are announced to 1, 2 and 3 others.
    ("announcements.difference", 114 - 6),
    ("attacks.made", 123),
    ("attacks.wrong", 124),
    ("books.difference", 104 + 105 + 106 - 127),
    ("churn.returned", 116),
    ("churn.stuck", 117),
    ("closes.unexpected", 103),
    ("connect.errors", 102),
    ("conns.peak", 131),
    ("conns.ready", 101),
    ("dups", 108),
    ("errors", 112),
    ("expected", 127),
    ("foreign", 110),
    ("gaps.excess", 107),
    ("heartbeat.closed", 201),
    ("heartbeat.coded", 204),
    ("heartbeat.doomed", 206),
    ("heartbeat.early", 202),
    ("heartbeat.late", 203),
    ("heartbeat.miscoded", 205),
    ("heartbeat.survivors", 5),
    ("loss.declared", 106),
    ("loss.silent", 105),
    ("malformed", 111),
    ("notices", 113),
    ("pings", 115),
    ("publish.accepted", 125),
    ("publish.errors", 126),
    ("publish.unsent", 1000 - 125 - 126),
    ("received", 104),
    ("recovery.recovered", 120),
    ("recovery.refused", 121),
    ("recovery.wrong", 122),
    ("reorders", 109),
    ("server.evictions_uncounted", 301 - 132),
    ("server.fds", 134),
    ("server.leaks", 2),
    ("slow.closed", 301),
    ("slow.coded", 304),
    ("slow.doomed", 306),
    ("slow.early", 302),
    ("slow.late", 303),
    ("slow.miscoded", 305),
    ("slow.survivors", 5),
    ("storm.dropped", 118),
    ("storm.in_flight", 119),
    ("storm.missing", 118 - 6),
    ("subscribers.checked", 129),
    ("subscribers.mismatch", 128),
];

#[test]
fn takes_every_metric_from_its_own_figure() {
    let mut plan = plan(4, 1, 1, 1);
    plan.rooms = true;
    plan.cohorts.shares = vec![(Role::Slow, 0.1), (Role::NoPong, 0.1)];
    plan.attacks = true;
    plan.churn = 1.0;
    plan.positions = true;
    let mut found = metrics(&plan, &totals(), &record(), Some(&server()));
    let counts = COUNTS.map(|(name, count)| (name, Unit::Count, f64::from(count)));
    let others = [
        // 104 in 4 seconds.
        ("received.rate", Unit::PerSecond, 26.0),
        ("server.cpu", Unit::Cores, 1.5),
        ("server.kib_per_conn", Unit::Kibibytes, 14.5),
        ("server.rss", Unit::Kibibytes, 133.0),
        ("server.rss_slope", Unit::KibibytesPerHour, 15.5),
        ("slow.isolation", Unit::Ratio, 1.0),
        ("storm.slowest_second", Unit::PerSecond, 130.0),
        ("tester.worker_cpu", Unit::Cores, 0.5),
    ];
    for (name, unit, value) in counts.into_iter().chain(others) {
        assert!(known_metrics::check(name).is_ok(), "{name}");
        assert_eq!(
            found.remove(name),
            Some(Metric::Value { unit, value }),
            "{name}"
        );
    }
    for (name, count) in [
        ("connect.ready", 1),
        ("delivery", 2),
        ("transit", 3),
        ("heartbeat.close", 4),
        ("slow.evict", 5),
        ("storm.return", 6),
        ("loop.lag", 7),
        ("publish.ack", 8),
        ("send.lag", 9),
    ] {
        assert!(known_metrics::is_known(name), "{name}");
        let expected = Metric::Distribution(latency(count).distribution());
        assert_eq!(found.remove(name), Some(expected), "{name}");
    }
    match found.remove("storm.t99") {
        Some(Metric::Value {
            unit: Unit::Seconds,
            value,
        }) => {
            assert!((2.0..2.01).contains(&value), "{value}");
        }
        other => panic!("{other:?}"),
    }
    assert!(found.is_empty(), "not checked here: {found:?}");
}

/// The names of the metrics of a run, without those that every run has.
fn special(of: &RunPlan, totals: &Totals, record: &RunRecord) -> Vec<String> {
    let nothing = Totals::default();
    let every = metrics(&plan(1, 1, 1, 1), &nothing, &RunRecord::default(), None);
    let mut found = metrics(of, totals, record, None);
    found.retain(|name, _| !every.contains_key(name));
    found.into_keys().collect()
}

#[test]
fn has_only_the_metrics_of_what_it_did() {
    let (totals, record) = (Totals::default(), RunRecord::default());
    let without_faults = || plan(1, 1, 1, 1);
    let every = metrics(&without_faults(), &totals, &record, None);
    assert_eq!(every.len(), 24, "{every:?}");
    let of_plan = |change: &dyn Fn(&mut RunPlan)| {
        let mut plan = without_faults();
        change(&mut plan);
        special(&plan, &totals, &record)
    };
    let storm = ["storm.dropped", "storm.in_flight", "storm.missing"];
    assert_eq!(of_plan(&|plan| plan.rooms = true), [""; 0]);
    assert_eq!(of_plan(&|plan| plan.drops = 1.0), storm);
    let at_once = Storm {
        at: Duration::ZERO,
        reset: false,
    };
    assert_eq!(of_plan(&|plan| plan.storm = Some(at_once)), storm);
    assert_eq!(
        of_plan(&|plan| plan.churn = 1.0),
        ["churn.returned", "churn.stuck"]
    );
    let stage = |connections| Stage {
        text: String::new(),
        connections: Some(connections),
        rate: None,
        time: Duration::from_secs(1),
    };
    let shrinking = || Stages::new(vec![stage(9), stage(1)]);
    assert_eq!(of_plan(&|plan| plan.stages = shrinking()), ["churn.stuck"]);
    assert_eq!(
        of_plan(&|plan| plan.stages = Stages::new(vec![stage(9)])),
        [""; 0]
    );
    assert_eq!(
        of_plan(&|plan| plan.attacks = true),
        ["attacks.made", "attacks.wrong"]
    );
    let recovery = ["recovery.recovered", "recovery.refused", "recovery.wrong"];
    assert_eq!(of_plan(&|plan| plan.positions = true), recovery);
    for (role, prefix) in [(Role::Slow, "slow."), (Role::NoPong, "heartbeat.")] {
        let names = of_plan(&|plan| plan.cohorts.shares = vec![(role, 0.1)]);
        assert_eq!(names.len(), 7, "{names:?}");
        assert!(
            names.iter().all(|name| name.starts_with(prefix)),
            "{names:?}"
        );
    }
}

#[test]
fn compares_sums_only_if_they_can_be_equal() {
    let totals = Totals::default();
    let mut rooms = plan(4, 1, 1, 1);
    rooms.rooms = true;
    let steady = RunRecord {
        steady: true,
        ..RunRecord::default()
    };
    let announced = ["announcements", "announcements.difference"];
    assert_eq!(special(&rooms, &totals, &steady), announced);
    assert_eq!(special(&plan(4, 1, 1, 1), &totals, &steady), [""; 0]);
    let all = RunRecord {
        expects_all: true,
        ..RunRecord::default()
    };
    assert_eq!(
        special(&rooms, &totals, &all),
        ["books.difference", "expected"]
    );
    // The server counts its evictions, but nothing in this run was to be evicted.
    let evictions = RunRecord {
        evictions: Some(0),
        ..RunRecord::default()
    };
    assert_eq!(special(&rooms, &totals, &evictions), [""; 0]);
    // A key can drop sockets in any run.
    let mut dropped = Totals::default();
    dropped.worker.dropped = 1;
    assert_eq!(special(&rooms, &dropped, &all).len(), 5);
}

#[test]
fn does_not_take_noise_for_a_lack_of_isolation() {
    let mut plan = plan(1, 1, 1, 1);
    plan.cohorts.shares = vec![(Role::Slow, 0.1)];
    let isolation = |before: Option<u64>, after: Option<u64>| {
        let mut totals = Totals::default();
        if let Some(ms) = before {
            totals.worker.before.record_ns(ms * 1_000_000);
        }
        if let Some(ms) = after {
            totals.worker.after.record_ns(ms * 1_000_000);
        }
        let found = metrics(&plan, &totals, &RunRecord::default(), None);
        match found.get("slow.isolation")? {
            Metric::Value { value, .. } => Some((value * 10.0).round() as u64),
            Metric::Distribution(_) => None,
        }
    };
    // In tenths. Up to 20 ms, both count as 20 ms.
    assert_eq!(isolation(Some(1), Some(19)), Some(10));
    assert_eq!(isolation(Some(1), Some(40)), Some(20));
    assert_eq!(isolation(Some(19), Some(40)), Some(20));
    assert_eq!(isolation(Some(40), Some(1)), Some(5));
    assert_eq!(isolation(Some(100), Some(250)), Some(25));
    assert_eq!(isolation(None, Some(40)), None);
    assert_eq!(isolation(Some(40), None), None);
}
