//! Idempotency keys when a mailbox is full: a failed publication is not remembered, and a
//! publication that succeeded is not repeated.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::poll;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use uuid::Uuid;
use wavecast::WebSocketServer;
use wavecast::dialect::native::parse_publish_request;
use wavecast::hub::Client;
use wavecast::node::{PublishError, Published};
use wavecast::protocol::{ChannelName, PublishRequest};

use crate::support::{InTime as _, config};

/// A server whose shards run only when they are told to. Each shard has one client: the first
/// is subscribed to `a`, the second to `b`.
struct PausedServer {
    server: Arc<WebSocketServer>,
    clients: [Arc<Client>; 2],
    shards: Option<Runtime>,
}

impl PausedServer {
    fn new() -> Self {
        let runtime = runtime();
        let (server, clients) = runtime.block_on(async {
            let server = WebSocketServer::new(config(|config| {
                config.engine.mailbox_capacity = 2;
                config.publish.timeout = Duration::from_millis(100);
            }));
            let node = server.node();
            let mut clients = Vec::new();
            for channel in ["a", "b"] {
                let id = Uuid::now_v7();
                let client = node.client_or_detached(id).expect("a client");
                let channel = ChannelName::new(channel).expect("a name");
                let subscribed = node
                    .subscribe(&client, &channel, (None, None), None)
                    .in_time()
                    .await;
                subscribed.expect("subscribe");
                clients.push(client);
            }
            node.hub().probe().in_time().await.expect("shards");
            (Arc::new(server), clients.try_into().expect("two"))
        });
        Self {
            server,
            clients,
            shards: Some(runtime),
        }
    }

    /// Runs the shards until their mailboxes are empty. Returns the number of messages that each
    /// client was sent.
    fn run_shards(&mut self) -> [u64; 2] {
        let (server, clients) = (self.server.clone(), self.clients.clone());
        let runtime = self.shards.take().expect("the runtime of the shards");
        let thread = std::thread::spawn(move || {
            let sent = runtime.block_on(async {
                // Several times, because publishers wait for room in the mailbox.
                for _ in 0..3 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    server.node().probe().in_time().await.expect("shards");
                }
                server
                    .node()
                    .hub()
                    .inspect(&clients)
                    .in_time()
                    .await
                    .expect("shards")
            });
            (runtime, [sent[0].messages, sent[1].messages])
        });
        let (runtime, sent) = thread.join().expect("the shards answer");
        self.shards = Some(runtime);
        sent
    }

    /// Fills the mailbox of the second shard, so that publications to `b` have to wait.
    async fn fill_second_mailbox(&self) {
        for _ in 0..2 {
            let filler = json!({"channel": "b", "data": "filler"});
            self.publish(filler).await.expect("a place");
        }
    }

    async fn publish(&self, event: Value) -> Result<Published, PublishError> {
        let publishing = self.server.node().publish(parsed(&event));
        publishing.in_time().await
    }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

fn parsed(event: &Value) -> PublishRequest {
    parse_publish_request(event.to_string().as_bytes()).expect("an event")
}

#[test]
fn a_retry_completes_a_publication_that_failed_half_way() {
    let mut paused = PausedServer::new();
    let [_, acks] = paused.run_shards();
    let event = json!({"channels": ["a", "b"], "id": "i", "data": 1});
    let only_a = json!({"channel": "a", "id": "i", "data": 1});
    let publishers = runtime();
    let first_half = publishers.block_on(async {
        paused.fill_second_mailbox().await;
        for _ in 0..2 {
            let failed = paused.publish(event.clone()).await;
            assert_eq!(failed, Err(PublishError::Overloaded));
        }
        paused.publish(only_a).await.expect("the remembered result")
    });
    assert_eq!(paused.run_shards(), [acks + 1, acks + 2]);
    let both = publishers
        .block_on(paused.publish(event.clone()))
        .expect("a place");
    assert_eq!(
        (both.subscribers, &both.timestamp),
        (2, &first_half.timestamp)
    );
    assert_eq!(paused.run_shards(), [acks + 1, acks + 3]);
    assert_eq!(publishers.block_on(paused.publish(event)), Ok(both));
    assert_eq!(paused.run_shards(), [acks + 1, acks + 3]);
}

#[test]
fn a_publication_continues_when_its_publisher_is_gone() {
    let mut paused = PausedServer::new();
    let [_, acks] = paused.run_shards();
    let event = json!({"channels": ["b", "a"], "id": "i", "data": 1});
    // Publications run here, the shards elsewhere.
    let publishers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    publishers.block_on(async {
        paused.fill_second_mailbox().await;
        let mut publishing = pin!(paused.publish(event.clone()));
        assert!(
            poll!(publishing.as_mut()).is_pending(),
            "the mailbox is full"
        );
    });
    // The publication waits for room in the mailbox although nobody waits for its result.
    assert_eq!(paused.run_shards(), [acks + 1, acks + 3]);
    let retried = publishers
        .block_on(paused.publish(event))
        .expect("the remembered result");
    assert_eq!(retried.subscribers, 2);
    assert_eq!(paused.run_shards(), [acks + 1, acks + 3]);
}

#[test]
fn two_simultaneous_publications_that_find_a_full_mailbox_both_fail_in_time() {
    let mut paused = PausedServer::new();
    let [_, acks] = paused.run_shards();
    let event = json!({"channel": "b", "id": "i", "data": 1});
    let publishers = runtime();
    publishers.block_on(async {
        paused.fill_second_mailbox().await;
        let both = [paused.publish(event.clone()), paused.publish(event.clone())];
        for failed in futures_util::future::join_all(both).await {
            assert_eq!(failed, Err(PublishError::Overloaded));
        }
    });
    assert_eq!(
        paused.run_shards(),
        [acks, acks + 2],
        "nothing was published and then forgotten"
    );
    publishers.block_on(paused.publish(event)).expect("a place");
    assert_eq!(paused.run_shards(), [acks, acks + 3]);
}

#[test]
fn a_publisher_that_gives_up_while_the_mailbox_is_full_has_published_nothing() {
    let mut paused = PausedServer::new();
    let [_, acks] = paused.run_shards();
    let event = json!({"channel": "b", "id": "i", "data": 1});
    let publishers = runtime();
    publishers.block_on(async {
        paused.fill_second_mailbox().await;
        let mut publishing = pin!(paused.publish(event.clone()));
        assert!(
            poll!(publishing.as_mut()).is_pending(),
            "the mailbox is full"
        );
    });
    assert_eq!(paused.run_shards(), [acks, acks + 2]);
    for _ in 0..2 {
        let published = publishers.block_on(paused.publish(event.clone()));
        assert_eq!(published.expect("a place").subscribers, 1);
        assert_eq!(paused.run_shards(), [acks, acks + 3]);
    }
}
