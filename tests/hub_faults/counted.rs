//! What a hub queues for a client by itself counts like what others send to it.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::NativeText;
use wavecast::hub::{Client, Hub, HubOptions, Link, Overflow, Pipe, TopicOptions, TopicRules};
use wavecast::protocol::TopicKind;
use wavecast::wire::Frame;

use super::support::{connect, drain, no_pings, subscribe, text};
use crate::patience::{InTime as _, eventually};

/// More than a pipe holds.
const LARGE: usize = 32 * 1024;
/// Less than an entry in an outbox takes.
const ENTRY: usize = 100;

fn hub(options: HubOptions) -> Hub {
    let options = HubOptions {
        shards: 1,
        topics: TopicRules::all(TopicOptions {
            overflow: Overflow::LatestOnly,
            ..TopicOptions::default()
        }),
        ..options
    };
    Hub::new(&options, Dialects::default(), &TaskTracker::new())
}

/// A client whose pipe is full.
async fn blocked(hub: &Hub) -> (Arc<Client>, Arc<Pipe>) {
    let pipe = Arc::<Pipe>::default();
    let client = connect(hub, Link::Pipe(pipe.clone()));
    for _ in 0..2 {
        let large = text(&"x".repeat(LARGE));
        hub.send(&client, large).in_time().await.unwrap();
    }
    hub.probe().in_time().await.unwrap();
    (client, pipe)
}

async fn publish(hub: &Hub, channels: &[Arc<str>]) {
    let source = NativeText::source("{}");
    for name in channels {
        let published = hub.publish(TopicKind::Channel, name, &source, None, |_| None);
        published.in_time().await.unwrap();
    }
    hub.probe().in_time().await.unwrap();
    // Its answer means that everything before the first one has been flushed.
    hub.probe().in_time().await.unwrap();
}

/// A client is in many channels, and each one has a notice of its own, which is longer than what
/// was dropped.
#[tokio::test]
async fn gap_notices_count_and_give_the_client_up_beyond_the_total() {
    const CHANNELS: usize = 200;
    const NAME: usize = 150;
    const LEAST: usize = CHANNELS * (ENTRY + NAME);
    let hub = hub(HubOptions {
        outbox_total: 2 * LARGE + 4 * LEAST,
        ..no_pings()
    });
    let names = |first: usize| -> Vec<Arc<str>> {
        let numbers = first..first + CHANNELS;
        numbers.map(|n| format!("{n:0>NAME$}").into()).collect()
    };
    let (client, pipe) = blocked(&hub).await;
    let (some, more) = (names(0), names(CHANNELS));
    for name in some.iter().chain(&more) {
        subscribe(&hub, &client, name).await;
    }
    publish(&hub, &some).await;
    let before = hub.outbox_bytes();
    publish(&hub, &some).await;
    let notices = hub.outbox_bytes() - before;
    assert!(notices >= LEAST, "{notices} bytes");
    publish(&hub, &some).await;
    assert_eq!(hub.outbox_bytes() - before, notices, "they are extended");
    assert_eq!(hub.metrics().largest_evicted_total.get(), 0);
    publish(&hub, &more).await;
    publish(&hub, &more).await;
    assert_eq!(hub.metrics().largest_evicted_total.get(), 1);
    drain(&pipe).await;
    eventually("an empty outbox", async || {
        drain(&pipe).await;
        hub.outbox_bytes() == 0
    })
    .await;
}

#[tokio::test]
async fn a_ping_that_waits_counts_once() {
    let hub = hub(HubOptions {
        ping_interval: Duration::from_millis(10),
        pong_timeout: Duration::from_secs(600),
        write_timeout: Duration::from_secs(600),
        ..HubOptions::default()
    });
    let (client, pipe) = blocked(&hub).await;
    let before = hub.outbox_bytes();
    eventually("a ping", async || hub.outbox_bytes() >= before + ENTRY).await;
    let sent = hub.inspect(&[client]).in_time().await.unwrap();
    let queued = sent[0].queued_bytes;
    assert!(hub.outbox_bytes() < before + 4 * ENTRY, "{queued} bytes");
    eventually("an empty outbox", async || {
        drain(&pipe).await;
        hub.outbox_bytes() == 0
    })
    .await;
}

#[tokio::test]
async fn pongs_that_wait_count_as_replies() {
    let hub = hub(HubOptions::default());
    let (client, pipe) = blocked(&hub).await;
    let before = hub.outbox_bytes();
    for _ in 0..40 {
        hub.pong(&client, Frame::pong(&[0; 125])).unwrap();
    }
    hub.probe().in_time().await.unwrap();
    let replies = hub.reply_bytes();
    assert!((16 * 127..20 * 250).contains(&replies), "{replies} bytes");
    assert_eq!(hub.outbox_bytes(), before);
    eventually("an empty outbox", async || {
        drain(&pipe).await;
        hub.reply_bytes() == 0
    })
    .await;
}
