//! The cost of a publication.
//!
//! Over HTTP, on a real socket and without subscribers: CPU time of the server per event, for each
//! way to publish, beside a server of the same HTTP library that only reads the bodies and answers.
//! A server runs on one thread, whose CPU clock is read, and the publisher on others.
//!
//! Then, in this process, from the request to the shard, with and without an idempotency key.
//! There is one subscriber, and it has no connection: fan-out is measured by `fanout`. Everything
//! runs on one thread, so the figures include the shard's work.
//!
//! `cargo bench --bench publishing -- http` measures only the first, and
//! `cargo bench --bench publishing -- http pipelined` only what has this in its name.

#![allow(missing_docs, reason = "a benchmark is a program")]

#[path = "../support/measure.rs"]
mod measure;
mod modes;
mod over_http;
mod servers;

use std::env;
use std::time::{Duration, Instant};

use criterion::Criterion;
use tokio::runtime::Builder;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::text_data;
use wavecast::hub::{Hub, HubOptions};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::{ChannelName, EventId, PublishRequest, Target};

/// The allocator of the binary.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const PATIENCE: Duration = Duration::from_secs(10);

/// Publishes `count` events, each with the id that `id` returns, and returns the time taken.
fn publish(options: NodeOptions, count: u64, id: impl Fn(u64) -> Option<String>) -> Duration {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let hub = HubOptions {
            shards: 1,
            ..HubOptions::default()
        };
        let node = Node::new(
            Hub::new(&hub, Dialects::default(), &TaskTracker::new()),
            options,
        );
        let channel = ChannelName::new("bench").expect("a name");
        let client = node.client_or_detached(Uuid::now_v7());
        let client = client.expect("a client");
        let subscribed = node.subscribe(&client, &channel, (None, None), None).await;
        subscribed.expect("subscribe");
        let data = text_data(&"x".repeat(100));
        let start = Instant::now();
        for index in 0..count {
            let request = PublishRequest {
                target: Target::Channels(vec![channel.clone()]),
                id: id(index).map(|id| EventId::new(&id).expect("an id")),
                name: None,
                data: data.clone(),
            };
            let published = node.publish(request).await.expect("publish");
            assert_eq!(published.subscribers, 1);
        }
        start.elapsed()
    })
}

fn ids(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("publish");
    let key = |index: u64| Some(format!("order-{index:026}"));
    group.bench_function("without a key", |bencher| {
        bencher.iter_custom(|count| publish(NodeOptions::default(), count, |_| None));
    });
    group.bench_function("key, deduplication off", |bencher| {
        let options = NodeOptions {
            publish_window: Duration::ZERO,
            ..NodeOptions::default()
        };
        bencher.iter_custom(|count| publish(options.clone(), count, key));
    });
    group.bench_function("key, first use", |bencher| {
        bencher.iter_custom(|count| publish(NodeOptions::default(), count, key));
    });
    group.bench_function("key, retry", |bencher| {
        let same = |_| key(0);
        bencher.iter_custom(|count| publish(NodeOptions::default(), count, same));
    });
    group.finish();
}

fn main() {
    let arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let arguments: Vec<String> = arguments.collect();
    match &*arguments {
        [] => over_http::compare(""),
        [http] if http == "http" => return over_http::compare(""),
        [http, filter] if http == "http" => return over_http::compare(filter),
        _ => {}
    }
    let mut criterion = Criterion::default().configure_from_args();
    ids(&mut criterion);
    criterion.final_summary();
}
