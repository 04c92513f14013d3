//! What one publication costs from the request to the shard, with and without an own id.
//!
//! One subscriber without a connection: the fan-out is `fanout`'s. All on one thread, so
//! that the shard's share is in the figure.

#![allow(missing_docs, reason = "criterion's macros define functions")]

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Builder;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::native::{Native, text_data};
use wavecast::hub::{Hub, HubOptions};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::{ChannelName, EventId, PublishRequest, Target};

/// Publishes `count` events with the ids that `id` names and returns the time it took.
fn publish(options: NodeOptions, count: u64, id: impl Fn(u64) -> Option<String>) -> Duration {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let hub = HubOptions {
            shards: 1,
            ..HubOptions::default()
        };
        let node = Node::new(Hub::new(&hub, &Native, &TaskTracker::new()), options);
        let channel = ChannelName::new("bench").expect("a name");
        let client = node.client_or_detached(Uuid::now_v7()).await;
        let client = client.expect("a client");
        let subscribed = node.subscribe(&client, &channel, None, None).await;
        subscribed.expect("subscribe");
        let data = text_data(&"x".repeat(100));
        let began = Instant::now();
        for at in 0..count {
            let request = PublishRequest {
                target: Target::Channels(vec![channel.clone()]),
                id: id(at).map(|id| EventId::new(&id).expect("an id")),
                name: None,
                data: data.clone(),
            };
            let published = node.publish(request).await.expect("publish");
            assert_eq!(published.subscribers, 1);
        }
        began.elapsed()
    })
}

fn ids(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("publish");
    let own = |at: u64| Some(format!("order-{at:026}"));
    group.bench_function("without an id", |bencher| {
        bencher.iter_custom(|count| publish(NodeOptions::default(), count, |_| None));
    });
    group.bench_function("own id, not remembered", |bencher| {
        let options = NodeOptions {
            publish_window: Duration::ZERO,
            ..NodeOptions::default()
        };
        bencher.iter_custom(|count| publish(options.clone(), count, own));
    });
    group.bench_function("own id, new", |bencher| {
        bencher.iter_custom(|count| publish(NodeOptions::default(), count, own));
    });
    group.bench_function("own id, a retry", |bencher| {
        let same = |_| own(0);
        bencher.iter_custom(|count| publish(NodeOptions::default(), count, same));
    });
    group.finish();
}

criterion_group!(benches, ids);
criterion_main!(benches);
