//! Own ids where a shard's mailbox is full: what was not published is not remembered, and
//! what was is not published again.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::poll;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use uuid::Uuid;
use wavecast::WebSocketServer;
use wavecast::hub::Client;
use wavecast::node::{PublishError, Published};
use wavecast::protocol::{ChannelName, PublishRequest, parse_publish_request};

use crate::support::config;

/// A server whose shards stand still until they are let go, with one client a shard: the
/// first hears `a`, the second `b`.
struct Asleep {
    server: Arc<WebSocketServer>,
    clients: [Arc<Client>; 2],
    shards: Option<Runtime>,
}

impl Asleep {
    fn new() -> Self {
        let runtime = runtime();
        let (server, clients) = runtime.block_on(async {
            let server = WebSocketServer::new(config(|config| {
                config.mailbox_capacity = 2;
                config.publish_timeout = Duration::from_millis(100);
            }));
            let node = server.node();
            let mut clients = Vec::new();
            for channel in ["a", "b"] {
                let id = Uuid::now_v7();
                let client = node.client_or_detached(id).await.expect("a client");
                let channel = ChannelName::new(channel).expect("a name");
                let subscribed = node.subscribe(&client, &channel, None, None).await;
                subscribed.expect("subscribe");
                clients.push(client);
            }
            node.hub().probe().await.expect("shards");
            (Arc::new(server), clients.try_into().expect("two"))
        });
        Self {
            server,
            clients,
            shards: Some(runtime),
        }
    }

    /// Lets the shards do what waits for them, and counts what each client was sent.
    fn wake(&mut self) -> [u64; 2] {
        let (server, clients) = (self.server.clone(), self.clients.clone());
        let runtime = self.shards.take().expect("asleep");
        let woken = std::thread::spawn(move || {
            let sent = runtime.block_on(async {
                // Once more, for who waited for a place.
                for _ in 0..3 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    server.node().hub().probe().await.expect("shards");
                }
                server.node().hub().inspect(&clients).await.expect("shards")
            });
            (runtime, [sent[0].messages, sent[1].messages])
        });
        let (runtime, sent) = woken.join().expect("the shards answer");
        self.shards = Some(runtime);
        sent
    }

    /// After this, `b` finds no place.
    async fn fill_second_mailbox(&self) {
        for _ in 0..2 {
            let filler = json!({"channel": "b", "data": "filler"});
            self.publish(filler).await.expect("a place");
        }
    }

    async fn publish(&self, event: Value) -> Result<Published, PublishError> {
        self.server.node().publish(parsed(&event)).await
    }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

fn parsed(event: &Value) -> PublishRequest {
    parse_publish_request(&mut event.to_string().into_bytes()).expect("an event")
}

#[test]
fn a_publication_that_failed_half_way_is_completed_by_its_retry() {
    let mut asleep = Asleep::new();
    let [_, acks] = asleep.wake();
    let event = json!({"channels": ["a", "b"], "id": "i", "data": 1});
    let only_a = json!({"channel": "a", "id": "i", "data": 1});
    let awake = runtime();
    let first_half = awake.block_on(async {
        asleep.fill_second_mailbox().await;
        for _ in 0..2 {
            let failed = asleep.publish(event.clone()).await;
            assert_eq!(failed, Err(PublishError::Overloaded));
        }
        asleep.publish(only_a).await.expect("what is known")
    });
    assert_eq!(asleep.wake(), [acks + 1, acks + 2]);
    let both = awake
        .block_on(asleep.publish(event.clone()))
        .expect("a place");
    assert_eq!(
        (both.subscribers, &both.timestamp),
        (2, &first_half.timestamp)
    );
    assert_eq!(asleep.wake(), [acks + 1, acks + 3]);
    assert_eq!(awake.block_on(asleep.publish(event)), Ok(both));
    assert_eq!(asleep.wake(), [acks + 1, acks + 3]);
}

#[test]
fn a_publication_goes_on_when_its_publisher_has_gone() {
    let mut asleep = Asleep::new();
    let [_, acks] = asleep.wake();
    let event = json!({"channels": ["b", "a"], "id": "i", "data": 1});
    // Where publications run; the shards run elsewhere.
    let awake = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    awake.block_on(async {
        asleep.fill_second_mailbox().await;
        let mut publishing = pin!(asleep.publish(event.clone()));
        assert!(poll!(publishing.as_mut()).is_pending(), "there is no place");
    });
    // It waits for a place while nobody waits for it.
    assert_eq!(asleep.wake(), [acks + 1, acks + 3]);
    let again = awake
        .block_on(asleep.publish(event))
        .expect("what is known");
    assert_eq!(again.subscribers, 2);
    assert_eq!(asleep.wake(), [acks + 1, acks + 3]);
}

#[test]
fn two_at_once_that_find_no_place_both_fail_in_time() {
    let mut asleep = Asleep::new();
    let [_, acks] = asleep.wake();
    let event = json!({"channel": "b", "id": "i", "data": 1});
    let awake = runtime();
    awake.block_on(async {
        asleep.fill_second_mailbox().await;
        let both = [asleep.publish(event.clone()), asleep.publish(event.clone())];
        for failed in futures_util::future::join_all(both).await {
            assert_eq!(failed, Err(PublishError::Overloaded));
        }
    });
    assert_eq!(
        asleep.wake(),
        [acks, acks + 2],
        "nothing is done and forgotten"
    );
    awake.block_on(asleep.publish(event)).expect("a place");
    assert_eq!(asleep.wake(), [acks, acks + 3]);
}

#[test]
fn a_publisher_that_goes_before_there_is_a_place_has_published_nothing() {
    let mut asleep = Asleep::new();
    let [_, acks] = asleep.wake();
    let event = json!({"channel": "b", "id": "i", "data": 1});
    let awake = runtime();
    awake.block_on(async {
        asleep.fill_second_mailbox().await;
        let mut publishing = pin!(asleep.publish(event.clone()));
        assert!(poll!(publishing.as_mut()).is_pending(), "there is no place");
    });
    assert_eq!(asleep.wake(), [acks, acks + 2]);
    for _ in 0..2 {
        let published = awake.block_on(asleep.publish(event.clone()));
        assert_eq!(published.expect("a place").subscribers, 1);
        assert_eq!(asleep.wake(), [acks, acks + 3]);
    }
}
