//! Publishers and readers, at the same time.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::NativeText;
use wavecast::history::HistoryLimits;
use wavecast::hub::{Hub, HubOptions, Overflow, TopicOptions, TopicRules};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::TopicKind;
use wavecast::protocol::{HistoryRequest, TopicName};

use super::reader::{Reader, channel};
use super::step::{CHANNELS, Step, step};
use crate::patience::within_a_minute;
use crate::watchdog::watch;

const CLIENTS: usize = 6;
const PUBLICATIONS: u64 = 300;
/// The number of publications that a history keeps.
const KEPT: usize = 60;

fn overflow_of(channel: usize) -> Overflow {
    [Overflow::Evict, Overflow::DropOldest, Overflow::LatestOnly][channel]
}

/// Runs each list of steps in a reader of its own while three publishers publish.
async fn run(clients: Vec<Vec<Step>>, shards: usize) {
    let history = HistoryLimits {
        max_messages: KEPT,
        ..HistoryLimits::default()
    };
    let mut topics = TopicRules::all(TopicOptions::default());
    for index in 0..CHANNELS {
        let options = TopicOptions {
            history: Some(history),
            overflow: overflow_of(index),
            ..TopicOptions::default()
        };
        topics = topics.with(TopicKind::Channel, channel(index).as_str(), options);
    }
    let options = HubOptions {
        shards,
        mailbox_capacity: 4,
        outbox_max_messages: 12,
        outbox_max_bytes: 6000,
        topics,
        ..HubOptions::default()
    };
    let tasks = TaskTracker::new();
    let node = Arc::new(Node::new(
        Hub::new(&options, Dialects::default(), &tasks),
        NodeOptions::default(),
    ));
    let stop = CancellationToken::new();
    let publishers = (0..CHANNELS).map(|index| {
        let (node, stop) = (node.clone(), stop.clone());
        tasks.spawn(async move {
            let name = channel(index);
            for n in 1..=PUBLICATIONS {
                let padding = "x".repeat(if n % 7 == 0 { 900 } else { 10 });
                let message = NativeText::source(&format!(
                    r#"{{"type":"event","channel":"{name}","data":{{"n":{n},"p":"{padding}"}}}}"#
                ));
                let (kind, shared) = (TopicKind::Channel, name.as_shared());
                let published = node.hub().publish(kind, shared, &message, None, |_| None);
                let accepted = published.await.unwrap();
                assert_eq!(accepted.position.unwrap().offset, n);
                if n % 5 == 0 && !stop.is_cancelled() {
                    yield_now().await;
                }
            }
        })
    });
    let publishers: Vec<_> = publishers.collect();
    let readers = clients.into_iter().map(|steps| {
        let node = node.clone();
        tasks.spawn(async move {
            let mut reader = Reader::new(node).await;
            for step in steps {
                reader.apply(step).await;
            }
            reader
        })
    });
    let readers: Vec<_> = readers.collect();
    let mut finished = Vec::new();
    for reader in readers {
        finished.push(reader.await.unwrap());
    }
    stop.cancel();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    for reader in finished {
        reader.finish(PUBLICATIONS).await;
    }
    let request = HistoryRequest::new(None, None, None).unwrap();
    for index in 0..CHANNELS {
        let name = channel(index);
        let page = node.history(TopicName::Channel(name.as_str()), request);
        let page: Value = serde_json::from_str(&page.unwrap()).unwrap();
        assert_eq!(page["items"].as_array().unwrap().len(), KEPT);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 0, ..ProptestConfig::default() })]
    #[test]
    fn a_member_receives_everything_once_or_is_told_what_is_missing(
        clients in prop::collection::vec(prop::collection::vec(step(), 5..60), CLIENTS),
        shards in 1..4usize,
    ) {
        watch();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(3)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            within_a_minute("every publication", run(clients, shards)).await;
        });
    }
}
