//! One client, and what the model knows about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use wavecast::dialect::ClassId;
use wavecast::hub::{Client, Pipe};

use super::marked::MARKED;
use super::matching::Expected;
use super::operation::Kind;
use super::reading::Reading;

/// How much longer a message is in the longest form than in the native one.
const LONGER_FORM_BYTES: usize = 100;

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Room(usize),
    Channel(usize),
    /// A channel that every connection receives.
    Everybody,
}

/// How a client is subscribed to a channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subscription {
    pub(super) with_positions: bool,
    /// The step in which the last replay began, if there was one.
    pub(super) replay_began: Option<usize>,
}

pub(super) struct Member {
    pub(super) kind: Kind,
    pub(super) class: ClassId,
    pub(super) client: Arc<Client>,
    pub(super) pipe: Arc<Pipe>,
    pub(super) received: Reading,
    // The rest is the model.
    pub(super) alive: bool,
    pub(super) rooms: BTreeSet<usize>,
    pub(super) channels: BTreeMap<usize, Subscription>,
    pub(super) expected: BTreeMap<Source, Vec<Expected>>,
    pub(super) expected_bytes: usize,
    /// The native code of the Close frame that it must have received.
    pub(super) close: Option<u16>,
    pub(super) released: bool,
}

impl Member {
    pub(super) fn new(kind: Kind, client: Arc<Client>, pipe: Arc<Pipe>) -> Self {
        Self {
            kind,
            class: client.class(),
            received: Reading::new(client.class()),
            client,
            pipe,
            alive: true,
            rooms: BTreeSet::new(),
            channels: BTreeMap::new(),
            expected: BTreeMap::new(),
            expected_bytes: 0,
            close: None,
            released: false,
        }
    }

    /// This message must arrive, after all others from this source.
    pub(super) fn expect(&mut self, source: Source, message: Value) {
        self.add(source, message, (false, false));
    }

    /// The same for the answer to a command with which a membership begins or ends, perhaps before
    /// the end of a replay.
    pub(super) fn expect_boundary(&mut self, source: Source, message: Value, may_cut: bool) {
        self.add(source, message, (true, may_cut));
    }

    fn add(&mut self, source: Source, message: Value, (is_boundary, may_cut): (bool, bool)) {
        if self.close.is_some() {
            // Nothing follows the Close frame.
            return;
        }
        self.expected_bytes += message.to_string().len() + LONGER_FORM_BYTES;
        self.expected.entry(source).or_default().push(Expected {
            message,
            is_boundary,
            may_cut,
        });
    }

    /// This publication must arrive, in the client's form.
    pub(super) fn expect_publication(
        &mut self,
        source: Source,
        publication: &Value,
        at: Option<(u64, &str)>,
    ) {
        let mut message = publication.clone();
        if let Some((offset, epoch)) = at {
            message["offset"] = json!(offset);
            if self.class == MARKED {
                message["epoch"] = json!(epoch);
            }
        }
        self.expect(source, message);
    }

    pub(super) fn name(&self) -> String {
        self.client.display_name()
    }
}

/// The messages by their source.
pub(super) fn by_source(texts: &[Value]) -> BTreeMap<Source, Vec<&Value>> {
    let mut sorted: BTreeMap<Source, Vec<&Value>> = BTreeMap::new();
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
            .push(text);
    }
    sorted
}
