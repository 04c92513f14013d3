//! Broadcasts to one topic.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use wavecast::hub::HubOptions;
use wavecast::protocol::TopicKind;

use crate::fleet::Fleet;
use crate::rounds::compare;
use crate::workload::{Topic, Workload};

/// Subscribers, and how many broadcasts wait: no more than the mailbox of a shard holds.
const ROWS: [(usize, &[usize]); 3] = [(1000, &[1, 4, 16]), (5000, &[1, 4, 8]), (10_000, &[1, 4])];
const SIZES: [usize; 2] = [128, 1024];
/// Subscribers and broadcasts that the mailbox does not hold together.
const MORE_THAN_THE_MAILBOX: [(usize, usize); 2] = [(5000, 16), (10_000, 16)];
const ROUNDS: usize = 21;
const QUICK_SUBSCRIBERS: usize = 100;

/// All clients of a fleet.
fn topic(subscribers: usize, bytes: usize) -> Topic {
    let name = format!("{bytes} bytes");
    Topic::new(TopicKind::Channel, &name, (0..subscribers).collect(), bytes)
}

fn fleet(subscribers: usize, mailbox_deliveries: usize) -> (Fleet, [Topic; 2]) {
    let fleet = Fleet::with_mailbox(subscribers, mailbox_deliveries);
    let topics = SIZES.map(|bytes| topic(subscribers, bytes));
    for topic in &topics {
        fleet.join(topic);
    }
    (fleet, topics)
}

/// The cost of the bare loop and of the hub, and their ratio.
pub(crate) fn table(quick: bool) {
    println!("| subscribers | message | waiting | bare loop, µs | hub, µs | ratio |");
    println!("|---|---|---|---|---|---|");
    for (subscribers, waiting) in ROWS {
        let subscribers = if quick {
            QUICK_SUBSCRIBERS
        } else {
            subscribers
        };
        let (mut fleet, topics) = fleet(subscribers, HubOptions::default().mailbox_deliveries);
        for (topic, bytes) in topics.iter().zip(SIZES) {
            for &waiting in waiting {
                let workload = Workload::repeated(topic, waiting);
                let rounds = if quick { 1 } else { ROUNDS };
                let cost = compare(&mut fleet, rounds, &[workload], None);
                println!(
                    "| {subscribers} | {bytes} B | {waiting} | {:.2} | {:.2} | {:.2} |",
                    cost.bare, cost.hub, cost.hub_to_bare
                );
            }
        }
    }
    println!();
}

/// What it costs that a mailbox does not hold all that waits: a run ends where it is full, while
/// the bare loop writes everything to a socket at once.
pub(crate) fn table_of_the_mailbox(quick: bool) {
    println!(
        "| subscribers | message | waiting | deliveries in the mailbox | bare loop, µs | hub, µs | ratio |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (subscribers, waiting) in MORE_THAN_THE_MAILBOX {
        let subscribers = if quick {
            QUICK_SUBSCRIBERS
        } else {
            subscribers
        };
        let default = HubOptions::default().mailbox_deliveries;
        // Long messages count as a few deliveries more.
        for deliveries in [default, (subscribers + 100) * waiting] {
            let (mut fleet, topics) = fleet(subscribers, deliveries);
            for (topic, bytes) in topics.iter().zip(SIZES) {
                let workload = Workload::repeated(topic, waiting);
                let rounds = if quick { 1 } else { ROUNDS };
                let cost = compare(&mut fleet, rounds, &[workload], None);
                println!(
                    "| {subscribers} | {bytes} B | {waiting} | {deliveries} | {:.2} | {:.2} | {:.2} |",
                    cost.bare, cost.hub, cost.hub_to_bare
                );
            }
        }
    }
    println!();
}

/// The hub's rounds, measured by criterion, which compares them with its last run.
pub(crate) fn criterion(criterion: &mut Criterion) {
    for (subscribers, waiting) in ROWS {
        let (mut fleet, topics) = fleet(subscribers, HubOptions::default().mailbox_deliveries);
        let mut group = criterion.benchmark_group(format!("fanout/{subscribers}"));
        group.sample_size(10);
        group.warm_up_time(Duration::from_millis(200));
        group.measurement_time(Duration::from_secs(1));
        for (topic, bytes) in topics.iter().zip(SIZES) {
            for &waiting in waiting {
                let workload = Workload::repeated(topic, waiting);
                group.throughput(Throughput::Elements(workload.deliveries as u64));
                group.bench_function(BenchmarkId::new(format!("{bytes}B"), waiting), |bencher| {
                    bencher.iter_custom(|rounds| {
                        let rounds = 0..rounds;
                        rounds.map(|_| fleet.round_of_hub(&workload)).sum()
                    });
                });
            }
        }
        group.finish();
    }
    criterion.final_summary();
}
