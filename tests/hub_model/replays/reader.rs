//! A client that checks everything that it receives.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::yield_now;
use tokio::time::sleep;
use wavecast::hub::{Client, ClientInfo, Link, Phase, Pipe};
use wavecast::node::Node;
use wavecast::protocol::{ChannelName, Position, ResumeRequest};

use super::step::{CHANNELS, Step};
use crate::frames::Received;

pub(super) fn channel(index: usize) -> ChannelName {
    ChannelName::new(&format!("channel{index}")).unwrap()
}

/// The state of a client's subscription to one channel.
#[derive(Debug, Default, Clone)]
struct Known {
    epoch: Option<String>,
    /// The next offset that must arrive.
    next: u64,
    subscribed: bool,
    /// The number of commands that have not been answered yet.
    unanswered: usize,
}

pub(super) struct Reader {
    node: Arc<Node>,
    client: Arc<Client>,
    pipe: Arc<Pipe>,
    received: Received,
    /// The number of messages that were checked.
    checked: usize,
    known: [Known; CHANNELS],
}

async fn connect(node: &Node) -> (Arc<Client>, Arc<Pipe>) {
    let pipe = Arc::<Pipe>::default();
    let link = Link::Pipe(pipe.clone());
    let client = node
        .connect(ClientInfo::default(), None, link)
        .await
        .unwrap();
    (client, pipe)
}

impl Reader {
    pub(super) async fn new(node: Arc<Node>) -> Self {
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

    pub(super) async fn apply(&mut self, step: Step) {
        match step {
            Step::Resume(channel, back) => {
                let known = &self.known[channel];
                let since = known
                    .epoch
                    .as_ref()
                    .and_then(|epoch| Position::new(known.next.saturating_sub(1 + back), epoch));
                self.subscribe(channel, ResumeRequest { since, last: None })
                    .await;
            }
            Step::Last(channel, last) => {
                let last = Some(last);
                self.subscribe(channel, ResumeRequest { since: None, last })
                    .await;
            }
            Step::Unsubscribe(index) => {
                let channel = channel(index);
                let left = self.node.unsubscribe(&self.client, &channel, None);
                if left.await.is_ok() {
                    self.known[index].unanswered += 1;
                }
            }
            Step::Reconnect => self.reconnect().await,
            Step::Read => self.read().await,
            Step::Wait(turns) => {
                for _ in 0..turns {
                    yield_now().await;
                }
            }
        }
        if self.has_ended() {
            self.reconnect().await;
        }
    }

    /// Whether the client was evicted: with a Close frame, or without one if it did not read
    /// for too long.
    fn has_ended(&self) -> bool {
        self.received.close.is_some() || self.client.phase() == Phase::Closed
    }

    async fn subscribe(&mut self, index: usize, resume: ResumeRequest) {
        let channel = channel(index);
        let subscribed = self
            .node
            .subscribe(&self.client, &channel, (None, Some(&resume)), None);
        subscribed.await.unwrap();
        self.known[index].unanswered += 1;
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
                known.unanswered -= 1;
                known.subscribed = true;
                known.epoch = Some(text["epoch"].as_str().unwrap().to_owned());
                known.next = number("offset") + 1 - text["replayed"].as_u64().unwrap_or(0);
            }
            "unsubscribed" => {
                known.unanswered -= 1;
                known.subscribed = false;
            }
            "event" => {
                assert!(known.subscribed, "not subscribed: {text}");
                assert_eq!(number("offset"), known.next, "{text}");
                assert_eq!(text["data"]["n"], json!(known.next), "{text}");
                known.next += 1;
            }
            "gap" => {
                assert!(known.subscribed, "not subscribed: {text}");
                assert_eq!(number("from"), known.next, "{text}");
                assert!(number("to") >= known.next, "{text}");
                assert_eq!(number("missed"), number("to") + 1 - known.next, "{text}");
                known.next = number("to") + 1;
            }
            other => panic!("{other}"),
        }
    }

    async fn disconnect(&self) {
        self.pipe.abort();
        self.node.disconnect(&self.client).await.unwrap();
        self.node.hub().release(&self.client, true).unwrap();
    }

    async fn reconnect(&mut self) {
        self.disconnect().await;
        (self.client, self.pipe) = connect(&self.node).await;
        (self.received, self.checked) = (Received::default(), 0);
        for index in 0..CHANNELS {
            self.known[index].unanswered = 0;
            self.known[index].subscribed = false;
            if self.known[index].epoch.is_some() {
                self.resume(index).await;
            }
        }
    }

    async fn resume(&mut self, index: usize) {
        let known = &self.known[index];
        let epoch = known.epoch.as_ref().unwrap();
        let since = Position::new(known.next - 1, epoch);
        self.subscribe(index, ResumeRequest { since, last: None })
            .await;
    }

    /// Reads until nothing is missing up to this offset.
    pub(super) async fn finish(mut self, newest: u64) {
        let is_complete = |reader: &Self| {
            let mut known = reader.known.iter();
            known.all(|known| {
                known.unanswered == 0 && (!known.subscribed || known.next == newest + 1)
            })
        };
        loop {
            self.read().await;
            if self.has_ended() {
                self.reconnect().await;
            } else if is_complete(&self) {
                break;
            }
            sleep(Duration::from_millis(1)).await;
        }
        // Nothing more arrives.
        self.node.hub().probe().await.unwrap();
        self.read().await;
        assert!(is_complete(&self));
        self.disconnect().await;
    }
}
