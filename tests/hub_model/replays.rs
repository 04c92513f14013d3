//! Replays, live publications and full outboxes at once: whatever the interleaving was, what
//! a member was sent goes on without a gap that it was not told of, and nothing comes twice.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wavecast::dialect::native::Native;
use wavecast::history::HistoryLimits;
use wavecast::hub::{
    Client, ClientInfo, Hub, HubOptions, Link, Overflow, Phase, Pipe, TopicOptions, TopicRules,
};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::TopicKind;
use wavecast::protocol::{ChannelName, HistoryRequest, Position, ResumeRequest, TopicName};

use crate::frames::Received;

const CHANNELS: usize = 3;
const CLIENTS: usize = 6;
const PUBLICATIONS: u64 = 300;
const KEPT: usize = 60;
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Subscribes behind so many publications that it has already.
    Resume(usize, u64),
    Last(usize, u64),
    Unsubscribe(usize),
    /// Goes, in the middle of a frame perhaps, and comes back with its positions.
    Blink,
    Read,
    Wait(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let channel = 0..CHANNELS;
    prop_oneof![
        6 => (channel.clone(), 0..40u64).prop_map(|(channel, back)| Step::Resume(channel, back)),
        2 => (channel.clone(), 0..80u64).prop_map(|(channel, last)| Step::Last(channel, last)),
        3 => channel.prop_map(Step::Unsubscribe),
        1 => Just(Step::Blink),
        8 => Just(Step::Read),
        8 => (1..60usize).prop_map(Step::Wait),
    ]
}

fn channel(index: usize) -> ChannelName {
    ChannelName::new(&format!("channel{index}")).unwrap()
}

fn overflow_of(channel: usize) -> Overflow {
    [Overflow::Evict, Overflow::DropOldest, Overflow::LatestOnly][channel]
}

/// What a client knows of one channel.
#[derive(Debug, Default, Clone)]
struct Known {
    epoch: Option<String>,
    /// The offset that has to come next.
    next: u64,
    member: bool,
    /// Commands that were not answered yet.
    asked: usize,
}

struct Reader {
    node: Arc<Node>,
    client: Arc<Client>,
    pipe: Arc<Pipe>,
    received: Received,
    checked: usize,
    known: [Known; CHANNELS],
}

async fn connect(node: &Node) -> (Arc<Client>, Arc<Pipe>) {
    let pipe = Arc::<Pipe>::default();
    let link = Link::Pipe(pipe.clone());
    let client = node.connect(ClientInfo::default(), link).await.unwrap();
    (client, pipe)
}

impl Reader {
    async fn new(node: Arc<Node>) -> Self {
        let (client, pipe) = connect(&node).await;
        Self {
            node,
            client,
            pipe,
            received: Received::default(),
            checked: 0,
            known: Default::default(),
        }
    }

    async fn apply(&mut self, step: Step) {
        match step {
            Step::Resume(channel, back) => {
                let known = &self.known[channel];
                let since = known
                    .epoch
                    .as_ref()
                    .and_then(|epoch| Position::new(known.next.saturating_sub(1 + back), epoch));
                self.subscribe(channel, ResumeRequest { since, last: 0 })
                    .await;
            }
            Step::Last(channel, last) => {
                self.subscribe(channel, ResumeRequest { since: None, last })
                    .await;
            }
            Step::Unsubscribe(index) => {
                let channel = channel(index);
                let left = self.node.unsubscribe(&self.client, &channel, None);
                if left.await.is_ok() {
                    self.known[index].asked += 1;
                }
            }
            Step::Blink => self.blink().await,
            Step::Read => self.read().await,
            Step::Wait(turns) => {
                for _ in 0..turns {
                    yield_now().await;
                }
            }
        }
        if self.has_ended() {
            self.blink().await;
        }
    }

    /// Evicted; with the Close frame, or without when it was not read for too long.
    fn has_ended(&self) -> bool {
        self.received.close.is_some() || self.client.phase() == Phase::Closed
    }

    async fn subscribe(&mut self, index: usize, resume: ResumeRequest) {
        let channel = channel(index);
        let subscribed = self
            .node
            .subscribe(&self.client, &channel, Some(&resume), None);
        subscribed.await.unwrap();
        self.known[index].asked += 1;
    }

    async fn read(&mut self) {
        self.received.take(&self.pipe).await;
        while let Some(text) = self.received.texts.get(self.checked).cloned() {
            self.checked += 1;
            self.check(&text);
        }
    }

    fn check(&mut self, text: &Value) {
        let name = text["channel"].as_str().expect("a channel");
        let index = name["channel".len()..].parse::<usize>().unwrap();
        let known = &mut self.known[index];
        let number = |field: &str| text[field].as_u64().unwrap_or_else(|| panic!("{text}"));
        match text["type"].as_str().unwrap() {
            "subscribed" => {
                known.asked -= 1;
                known.member = true;
                known.epoch = Some(text["epoch"].as_str().unwrap().to_owned());
                known.next = number("offset") + 1 - text["replayed"].as_u64().unwrap_or(0);
            }
            "unsubscribed" => {
                known.asked -= 1;
                known.member = false;
            }
            "event" => {
                assert!(known.member, "no member: {text}");
                assert_eq!(number("offset"), known.next, "{text}");
                assert_eq!(text["data"]["n"], json!(known.next), "{text}");
                known.next += 1;
            }
            "gap" => {
                assert!(known.member, "no member: {text}");
                assert_eq!(number("from"), known.next, "{text}");
                assert!(number("to") >= known.next, "{text}");
                assert_eq!(number("missed"), number("to") + 1 - known.next, "{text}");
                known.next = number("to") + 1;
            }
            other => panic!("{other}"),
        }
    }

    async fn go(&self) {
        self.pipe.abort();
        self.node.disconnect(&self.client).await.unwrap();
        self.node.hub().release(&self.client, true).await.unwrap();
    }

    async fn blink(&mut self) {
        self.go().await;
        (self.client, self.pipe) = connect(&self.node).await;
        (self.received, self.checked) = (Received::default(), 0);
        for index in 0..CHANNELS {
            self.known[index].asked = 0;
            self.known[index].member = false;
            if self.known[index].epoch.is_some() {
                Box::pin(self.apply_resume(index)).await;
            }
        }
    }

    async fn apply_resume(&mut self, index: usize) {
        let known = &self.known[index];
        let epoch = known.epoch.as_ref().unwrap();
        let since = Position::new(known.next - 1, epoch);
        self.subscribe(index, ResumeRequest { since, last: 0 })
            .await;
    }

    /// Reads until nothing is missing.
    async fn finish(mut self) {
        let complete = |reader: &Self| {
            let mut known = reader.known.iter();
            known.all(|known| known.asked == 0 && (!known.member || known.next == PUBLICATIONS + 1))
        };
        loop {
            self.read().await;
            if self.has_ended() {
                self.blink().await;
            } else if complete(&self) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Nothing more comes.
        self.node.hub().probe().await.unwrap();
        self.read().await;
        assert!(complete(&self));
        self.go().await;
    }
}

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
        Hub::new(&options, &Native, &tasks),
        NodeOptions::default(),
    ));
    let stop = CancellationToken::new();
    let publishers = (0..CHANNELS).map(|index| {
        let (node, stop) = (node.clone(), stop.clone());
        tasks.spawn(async move {
            let name = channel(index);
            for n in 1..=PUBLICATIONS {
                let padding = "x".repeat(if n % 7 == 0 { 900 } else { 10 });
                let message: Arc<str> = format!(
                    r#"{{"type":"event","channel":"{name}","data":{{"n":{n},"p":"{padding}"}}}}"#
                )
                .into();
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
        reader.finish().await;
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
    fn a_member_has_everything_once_or_is_told_what_is_missing(
        clients in prop::collection::vec(prop::collection::vec(step(), 5..60), CLIENTS),
        shards in 1..4usize,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(3)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            timeout(PATIENCE, run(clients, shards)).await.expect("everything arrives");
        });
    }
}
