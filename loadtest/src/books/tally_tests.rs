//! Adding up tallies. Each test takes the sum apart field by field, so that a new field needs a line here.

use super::classes::{Classes, count_class, describe};
use super::close_counts::CloseCounts;
use super::evidence::EvidenceKind;
use super::tally::{PublisherTally, WorkerTally};
use crate::measure::latency::Latency;
use crate::result::run_result::WorstConnection;

fn classes(name: &str) -> Classes {
    let mut classes = Classes::default();
    for class in ["a", name, name] {
        count_class(&mut classes, class);
    }
    classes
}

/// This many values.
fn latency(count: usize) -> Latency {
    let mut latency = Latency::default();
    (0..count).for_each(|_| latency.record_ns(1000));
    latency
}

fn closes(expected: u64) -> CloseCounts {
    CloseCounts {
        expected,
        ..CloseCounts::default()
    }
}

fn worst(conn: u32) -> Vec<WorstConnection> {
    vec![WorstConnection {
        conn,
        p99_ms: f64::from(conn),
        ..WorstConnection::default()
    }]
}

/// Twice 1, 2, 3, …
fn is_doubled(sums: &[u64]) {
    let doubled: Vec<u64> = (1..=sums.len() as u64).map(|n| 2 * n).collect();
    assert_eq!(sums, doubled);
}

/// Every figure has another value.
fn worker_tally() -> WorkerTally {
    let mut tally = WorkerTally {
        opened: 1,
        received: 2,
        lost: 3,
        declared: 4,
        gap_excess: 5,
        duplicates: 6,
        reorders: 7,
        foreign: 8,
        malformed: 9,
        errors: 10,
        notices: 11,
        announced: 12,
        pings: 13,
        churned: 14,
        stuck: 15,
        dropped: 16,
        in_flight: 17,
        recovered: 18,
        refused_recoveries: 19,
        wrong_recoveries: 20,
        attacks: 21,
        attacks_wrong: 22,
        ready: latency(1),
        delivery: latency(2),
        transit: latency(3),
        before: latency(4),
        after: latency(5),
        returned: latency(6),
        loop_lag: latency(7),
        unresponsive: closes(1),
        slow: closes(2),
        connect_failed: classes("connect"),
        closed: classes("close"),
        worst: worst(3),
        ..WorkerTally::default()
    };
    tally.stages.count(2, None);
    tally
        .evidence
        .note(EvidenceKind::Storm, || "line".to_owned());
    tally
}

#[test]
fn adds_up_what_workers_counted() {
    let (mut sum, mut one) = (worker_tally(), worker_tally());
    one.worst = worst(8);
    sum.merge(one);
    let WorkerTally {
        opened,
        connect_failed,
        closed,
        received,
        lost,
        declared,
        gap_excess,
        duplicates,
        reorders,
        foreign,
        malformed,
        errors,
        notices,
        announced,
        pings,
        ready,
        delivery,
        transit,
        before,
        after,
        unresponsive,
        slow,
        churned,
        stuck,
        dropped,
        in_flight,
        recovered,
        refused_recoveries,
        wrong_recoveries,
        returned,
        attacks,
        attacks_wrong,
        stages,
        worst,
        loop_lag,
        evidence,
    } = sum;
    is_doubled(&[
        opened,
        received,
        lost,
        declared,
        gap_excess,
        duplicates,
        reorders,
        foreign,
        malformed,
        errors,
        notices,
        announced,
        pings,
        churned,
        stuck,
        dropped,
        in_flight,
        recovered,
        refused_recoveries,
        wrong_recoveries,
        attacks,
        attacks_wrong,
    ]);
    let latencies = [ready, delivery, transit, before, after, returned, loop_lag];
    is_doubled(&latencies.map(|latency| latency.count()));
    is_doubled(&[unresponsive, slow].map(|closes| closes.expected));
    assert_eq!(describe(&connect_failed), "2 a, 4 connect");
    assert_eq!(describe(&closed), "2 a, 4 close");
    assert_eq!(stages.of(2).map(|own| own.received), Some(2));
    // Not the order in which workers end, but how bad they are.
    let conns: Vec<u32> = worst.iter().map(|own| own.conn).collect();
    assert_eq!(conns, [8, 3]);
    assert_eq!(evidence.of(EvidenceKind::Storm).count(), 2);
}

#[test]
fn adds_up_what_publishers_counted() {
    let mut one = PublisherTally {
        accepted: 1,
        uncertain: 2,
        expected: 3,
        uncertain_deliveries: 4,
        mismatches: 5,
        cross_checked: 6,
        ack: latency(1),
        lag: latency(2),
        failed: classes("failure"),
        ..PublisherTally::default()
    };
    one.stages.count(2);
    one.evidence
        .note(EvidenceKind::Subscribers, || "line".to_owned());
    let mut sum = one.clone();
    sum.merge(one);
    let PublisherTally {
        accepted,
        failed,
        uncertain,
        expected,
        uncertain_deliveries,
        mismatches,
        cross_checked,
        ack,
        lag,
        stages,
        evidence,
    } = sum;
    is_doubled(&[
        accepted,
        uncertain,
        expected,
        uncertain_deliveries,
        mismatches,
        cross_checked,
    ]);
    is_doubled(&[ack, lag].map(|latency| latency.count()));
    assert_eq!(describe(&failed), "2 a, 4 failure");
    assert_eq!(stages.of(2), 2);
    assert_eq!(evidence.of(EvidenceKind::Subscribers).count(), 2);
}

#[test]
fn counts_a_loss_with_its_evidence() {
    let mut tally = WorkerTally::default();
    for seq in 1..=7 {
        tally.lose(|| format!("seq {seq}"));
    }
    assert_eq!(tally.lost, 7);
    let lines: Vec<&str> = tally.evidence.of(EvidenceKind::Loss).collect();
    assert_eq!(lines, ["seq 1", "seq 2", "seq 3", "seq 4", "seq 5"]);
}

#[test]
fn counts_a_publication_in_its_stage() {
    let mut tally = PublisherTally::default();
    for stage in [None, Some(0), Some(3), Some(3)] {
        tally.accept(stage);
    }
    let by_stage = [0, 1, 2, 3].map(|stage| tally.stages.of(stage));
    assert_eq!((tally.accepted, by_stage), (4, [1, 0, 0, 2]));
}
