//! Which deliveries have a latency, and from when it counts.

use super::bench::Bench;
use crate::measure::latency::Latency;
use crate::plan::cohort::Role;
use crate::plan::run_plan::tests::plan;
use crate::wire::stamp::Stamp;
use std::sync::atomic::Ordering::SeqCst;

const MS: u64 = 1_000_000;

/// A client in a run with faults, which start after one second. It misbehaves if it is slow.
fn bench(slow_share: f64) -> Bench {
    let mut plan = plan(1, 1, 1, 1);
    plan.cohorts.shares = vec![(Role::Slow, slow_share)];
    let bench = Bench::of(plan);
    bench.state.faults_at_ns.store(1000 * MS, SeqCst);
    bench
}

/// Publishes an event that was due and sent at these times, and returns its stamp.
fn publish(bench: &mut Bench, due_ms: u64, sent_ms: u64) -> Stamp {
    Stamp {
        run: 0xabcd,
        seq: bench.publish(),
        intended_ns: due_ms * MS,
        sent_ns: sent_ms * MS,
        ..Stamp::default()
    }
}

#[test]
fn measures_from_when_a_publication_was_due_and_from_when_it_was_sent() {
    let mut bench = bench(0.0);
    let stamp = publish(&mut bench, 500, 600);
    bench.deliver_at(&stamp, 700 * MS);
    let tally = &bench.auditor.tally;
    let ms = [&tally.delivery, &tally.transit].map(|latency| latency.max() / 1000);
    assert_eq!(ms, [200, 100]);
    // A duplicate has no latency.
    bench.deliver_at(&stamp, 990 * MS);
    let tally = &bench.auditor.tally;
    let counts = [&tally.delivery, &tally.transit].map(Latency::count);
    assert_eq!((tally.duplicates, counts), (1, [1, 1]));
}

#[test]
fn tells_latencies_before_the_faults_from_those_after() {
    let mut bench = bench(0.0);
    for (due_ms, before, after) in [
        (998, 1, 0),
        (999, 2, 0),
        (1000, 2, 1),
        (1001, 2, 2),
        (1002, 2, 3),
    ] {
        let stamp = publish(&mut bench, due_ms, due_ms);
        bench.deliver_at(&stamp, 1500 * MS);
        let tally = &bench.auditor.tally;
        assert_eq!(
            (tally.before.count(), tally.after.count()),
            (before, after),
            "{due_ms} ms"
        );
    }
}

#[test]
fn does_not_measure_sockets_that_misbehave() {
    let mut bench = bench(1.0);
    for due_ms in [900, 1100] {
        let stamp = publish(&mut bench, due_ms, due_ms);
        bench.deliver_at(&stamp, 1200 * MS);
    }
    let tally = &bench.auditor.tally;
    let latencies = [&tally.delivery, &tally.transit, &tally.before, &tally.after];
    assert_eq!((tally.received, latencies.map(Latency::count)), (2, [0; 4]));
}

#[test]
fn takes_only_stamps_of_this_run_that_were_sent() {
    let mut bench = bench(0.0);
    let stamp = publish(&mut bench, 1, 1);
    for (foreign, other) in [
        Stamp {
            run: 0xabce,
            ..stamp
        },
        Stamp { seq: 0, ..stamp },
        Stamp { seq: 2, ..stamp },
        Stamp {
            channel: 1,
            ..stamp
        },
        Stamp {
            publisher: 1,
            ..stamp
        },
    ]
    .iter()
    .zip(1..)
    {
        bench.deliver_at(foreign, 2);
        let tally = &bench.auditor.tally;
        assert_eq!((tally.foreign, tally.received), (other, 0), "{foreign:?}");
    }
    bench.deliver_at(&stamp, 2);
    assert_eq!(bench.auditor.tally.received, 1);
}
