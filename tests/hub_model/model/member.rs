//! One client, and what the model knows about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use wavecast::hub::{Client, Pipe};

use super::operation::Kind;
use crate::frames::Received;

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Room(usize),
    Channel(usize),
    /// A channel that every connection receives.
    Everybody,
}

pub(super) struct Member {
    pub(super) kind: Kind,
    pub(super) client: Arc<Client>,
    pub(super) pipe: Arc<Pipe>,
    pub(super) received: Received,
    // The rest is the model.
    pub(super) alive: bool,
    pub(super) rooms: BTreeSet<usize>,
    pub(super) channels: BTreeSet<usize>,
    pub(super) expected: BTreeMap<Source, Vec<Value>>,
    pub(super) expected_bytes: usize,
    /// The code of the Close frame that it must have received.
    pub(super) close: Option<u16>,
    pub(super) released: bool,
}

impl Member {
    pub(super) fn new(kind: Kind, client: Arc<Client>, pipe: Arc<Pipe>) -> Self {
        Self {
            kind,
            client,
            pipe,
            received: Received::default(),
            alive: true,
            rooms: BTreeSet::new(),
            channels: BTreeSet::new(),
            expected: BTreeMap::new(),
            expected_bytes: 0,
            close: None,
            released: false,
        }
    }

    /// This message must arrive, after all others from this source.
    pub(super) fn expect(&mut self, source: Source, message: Value) {
        self.expected_bytes += message.to_string().len();
        self.expected.entry(source).or_default().push(message);
    }

    pub(super) fn name(&self) -> String {
        self.client.display_name()
    }
}

/// The messages by their source.
pub(super) fn by_source(texts: &[Value]) -> BTreeMap<Source, Vec<Value>> {
    let mut sorted: BTreeMap<Source, Vec<Value>> = BTreeMap::new();
    for text in texts {
        let index = |name: &Value, prefix: &str| {
            let name = name.as_str()?.strip_prefix(prefix)?;
            name.parse::<usize>().ok()
        };
        let room = index(&text["room"], "room").map(Source::Room);
        let channel = index(&text["channel"], "channel").map(Source::Channel);
        sorted
            .entry(room.or(channel).unwrap_or(Source::Everybody))
            .or_default()
            .push(text.clone());
    }
    sorted
}
