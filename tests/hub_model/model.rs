//! One operation after the other: after each, members, counts and what everybody was sent
//! are exactly what the model says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::task::yield_now;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::ServerMessage;
use wavecast::dialect::native::{Native, text_data};
use wavecast::hub::{Client, ClientInfo, Hub, HubOptions, Link, Phase, Pipe};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::TopicKind;
use wavecast::protocol::{
    ChannelName, CloseCode, ErrorCode, Json, PublishRequest, RoomName, Target,
};

use crate::frames::Received;

const MAX_MEMBERS: usize = 3;
const OUTBOX_MESSAGES: usize = 4;
const OUTBOX_BYTES: usize = 16 * 1024;
/// Bytes a pipe holds beside the outbox.
const PIPE_BYTES: usize = 16 * 1024;
const ROOMS: usize = 3;
const CHANNELS: usize = 2;
const SLOW_CONSUMER: u16 = 1013;
const CLOSED_BY_OPERATOR: u16 = 4000;

#[derive(Debug, Clone)]
enum Operation {
    Connect(Kind),
    Join(usize, usize),
    Leave(usize, usize),
    /// Who, where, and whether it is long.
    Say(usize, usize, bool),
    Broadcast(usize, Option<usize>),
    Subscribe(usize, usize),
    Unsubscribe(usize, usize),
    Publish(usize, bool),
    PublishToAll,
    Close(usize),
    Die(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Reads all it is sent.
    Healthy,
    /// Never reads.
    Stalled,
    /// Has no connection.
    Detached,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let who = 0..8_usize;
    let room = 0..ROOMS;
    let channel = 0..CHANNELS;
    let kind = prop_oneof![
        3 => Just(Kind::Healthy),
        2 => Just(Kind::Stalled),
        1 => Just(Kind::Detached),
    ];
    prop_oneof![
        4 => kind.prop_map(Connect),
        8 => (who.clone(), room.clone()).prop_map(|(who, room)| Join(who, room)),
        3 => (who.clone(), room.clone()).prop_map(|(who, room)| Leave(who, room)),
        8 => (who.clone(), room.clone(), any::<bool>())
            .prop_map(|(who, room, long)| Say(who, room, long)),
        3 => (room, proptest::option::of(who.clone()))
            .prop_map(|(room, exclude)| Broadcast(room, exclude)),
        4 => (who.clone(), channel.clone()).prop_map(|(who, channel)| Subscribe(who, channel)),
        2 => (who.clone(), channel.clone()).prop_map(|(who, channel)| Unsubscribe(who, channel)),
        5 => (channel, any::<bool>()).prop_map(|(channel, long)| Publish(channel, long)),
        1 => Just(PublishToAll),
        1 => who.clone().prop_map(Close),
        2 => who.prop_map(Die),
    ]
}

/// A room, a channel, or `None` for what every connection hears.
type TopicKey = Option<(bool, usize)>;

struct Member {
    kind: Kind,
    client: Arc<Client>,
    pipe: Arc<Pipe>,
    received: Received,
    // From here on the model.
    alive: bool,
    rooms: BTreeSet<usize>,
    channels: BTreeSet<usize>,
    expected: BTreeMap<TopicKey, Vec<Value>>,
    expected_bytes: usize,
    close: Option<u16>,
    released: bool,
}

impl Member {
    fn expect(&mut self, topic: TopicKey, message: Value) {
        self.expected_bytes += message.to_string().len();
        self.expected.entry(topic).or_default().push(message);
    }

    fn name(&self) -> String {
        self.client.display_name()
    }
}

struct World {
    node: Node,
    members: Vec<Member>,
    said: usize,
    evictions: u64,
}

fn room(index: usize) -> RoomName {
    RoomName::new(&format!("room{index}")).unwrap()
}

fn channel(index: usize) -> ChannelName {
    ChannelName::new(&format!("channel{index}")).unwrap()
}

impl World {
    fn new(shards: usize) -> Self {
        let options = HubOptions {
            shards,
            mailbox_capacity: 4,
            outbox_max_messages: OUTBOX_MESSAGES,
            outbox_max_bytes: OUTBOX_BYTES,
            ..HubOptions::default()
        };
        let limits = NodeOptions {
            max_clients_per_room: MAX_MEMBERS,
            ..NodeOptions::default()
        };
        Self {
            node: Node::new(Hub::new(&options, &Native, &TaskTracker::new()), limits),
            members: Vec::new(),
            said: 0,
            evictions: 0,
        }
    }

    fn living(&self, who: usize) -> Option<usize> {
        let living: Vec<usize> = (0..self.members.len())
            .filter(|&index| self.members[index].alive)
            .collect();
        (!living.is_empty()).then(|| living[who % living.len()])
    }

    fn in_room(&self, room: usize) -> Vec<usize> {
        (0..self.members.len())
            .filter(|&index| self.members[index].rooms.contains(&room))
            .collect()
    }

    fn in_channel(&self, channel: usize) -> Vec<usize> {
        (0..self.members.len())
            .filter(|&index| self.members[index].channels.contains(&channel))
            .collect()
    }

    fn content(&mut self, long: bool) -> String {
        self.said += 1;
        format!("{:0width$}", self.said, width = if long { 6000 } else { 1 })
    }

    async fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Connect(kind) => self.connect(kind).await,
            Operation::Join(who, room) => self.join(who, room).await,
            Operation::Leave(who, room) => self.leave(who, room).await,
            Operation::Say(who, room, long) => self.say(who, room, long).await,
            Operation::Broadcast(room, exclude) => self.broadcast(room, exclude).await,
            Operation::Subscribe(who, channel) => self.subscribe(who, channel).await,
            Operation::Unsubscribe(who, channel) => self.unsubscribe(who, channel).await,
            Operation::Publish(channel, long) => self.publish(Some(channel), long).await,
            Operation::PublishToAll => self.publish(None, false).await,
            Operation::Close(who) => self.close(who).await,
            Operation::Die(who) => self.die(who).await,
        }
        self.settle().await;
        self.check();
    }

    async fn connect(&mut self, kind: Kind) {
        let pipe = Arc::<Pipe>::default();
        let client = if kind == Kind::Detached {
            let made = self.node.client_or_detached(Uuid::now_v7()).await;
            made.unwrap()
        } else {
            let link = Link::Pipe(pipe.clone());
            let made = self.node.connect(ClientInfo::default(), link).await;
            made.unwrap()
        };
        self.members.push(Member {
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
        });
    }

    async fn join(&mut self, who: usize, index: usize) {
        let Some(who) = self.living(who) else { return };
        let others = self.in_room(index);
        let name = room(index);
        let joined = self.node.join(&self.members[who].client, &name, None, None);
        let joined = joined.await.map_err(|refusal| refusal.code);
        let name = name.as_str();
        if others.contains(&who) {
            assert_eq!(joined, Ok(others.len()), "joining twice is harmless");
        } else if others.len() == MAX_MEMBERS {
            assert_eq!(joined, Err(ErrorCode::RoomFull));
            return;
        } else {
            assert_eq!(joined, Ok(others.len() + 1));
            let user = self.members[who].name();
            for other in others {
                let told = json!({"type": "user_joined", "room": name, "user_id": user});
                self.members[other].expect(Some((true, index)), told);
            }
            self.members[who].rooms.insert(index);
        }
        let ack = json!({"type": "joined", "room": name, "members": joined.unwrap()});
        self.members[who].expect(Some((true, index)), ack);
    }

    async fn leave(&mut self, who: usize, index: usize) {
        let Some(who) = self.living(who) else { return };
        let name = room(index);
        let left = self.node.leave(&self.members[who].client, &name, None);
        let left = left.await.map_err(|refusal| refusal.code);
        if !self.members[who].rooms.contains(&index) {
            assert_eq!(left, Err(ErrorCode::NotInRoom));
            return;
        }
        assert_eq!(left, Ok(()));
        let ack = json!({"type": "left", "room": room(index).as_str()});
        self.members[who].expect(Some((true, index)), ack);
        self.forget_member(who, index);
    }

    /// The others of a room are told that a member has gone.
    fn forget_member(&mut self, who: usize, index: usize) {
        self.members[who].rooms.remove(&index);
        let user = self.members[who].name();
        for other in self.in_room(index) {
            let name = room(index);
            let told = json!({"type": "user_left", "room": name.as_str(), "user_id": user});
            self.members[other].expect(Some((true, index)), told);
        }
    }

    async fn say(&mut self, who: usize, index: usize, long: bool) {
        let Some(who) = self.living(who) else { return };
        let content = self.content(long);
        let encoded = Json::encode(&content).unwrap();
        let name = room(index);
        let said = self
            .node
            .say(&self.members[who].client, &name, &encoded, None);
        let said = said.await.map_err(|refusal| refusal.code);
        if !self.members[who].rooms.contains(&index) {
            assert_eq!(said, Err(ErrorCode::NotInRoom));
            return;
        }
        assert_eq!(said, Ok(()));
        let from = self.members[who].name();
        self.expect_message(index, &from, &content, Some(who));
    }

    fn expect_message(&mut self, index: usize, from: &str, content: &str, but: Option<usize>) {
        for other in self.in_room(index) {
            if Some(other) != but {
                let name = room(index);
                let message = json!({"type": "message", "room": name.as_str(), "from": from,
                    "content": content});
                self.members[other].expect(Some((true, index)), message);
            }
        }
    }

    async fn broadcast(&mut self, index: usize, exclude: Option<usize>) {
        let exclude = exclude.and_then(|who| self.living(who));
        let content = self.content(false);
        let encoded = Json::encode(&content).unwrap();
        let name = room(index);
        let message = ServerMessage::Message {
            room: name.as_str(),
            from: "the server",
            content: &encoded,
        };
        let but = exclude.map(|who| &self.members[who].client);
        let sent = self.node.broadcast_to_room(&name, &message, but);
        let expected = self.in_room(index);
        let expected = expected.iter().filter(|who| Some(**who) != exclude).count();
        assert_eq!(sent.await.unwrap(), expected);
        self.expect_message(index, "the server", &content, exclude);
    }

    async fn subscribe(&mut self, who: usize, index: usize) {
        let Some(who) = self.living(who) else { return };
        let name = channel(index);
        let done = self
            .node
            .subscribe(&self.members[who].client, &name, None, None);
        done.await.unwrap();
        let ack = json!({"type": "subscribed", "channel": name.as_str()});
        self.members[who].expect(Some((false, index)), ack);
        self.members[who].channels.insert(index);
    }

    async fn unsubscribe(&mut self, who: usize, index: usize) {
        let Some(who) = self.living(who) else { return };
        let name = channel(index);
        let done = self
            .node
            .unsubscribe(&self.members[who].client, &name, None);
        let done = done.await.map_err(|refusal| refusal.code);
        if self.members[who].channels.remove(&index) {
            assert_eq!(done, Ok(()));
            let ack = json!({"type": "unsubscribed", "channel": name.as_str()});
            self.members[who].expect(Some((false, index)), ack);
        } else {
            assert_eq!(done, Err(ErrorCode::NotSubscribed));
        }
    }

    /// To one channel, or to everybody.
    async fn publish(&mut self, index: Option<usize>, long: bool) {
        let content = self.content(long);
        let (target, name) = match index {
            Some(index) => (Target::Channels(vec![channel(index)]), channel(index)),
            None => (Target::Everyone, ChannelName::all()),
        };
        let request = PublishRequest {
            target,
            id: None,
            name: None,
            data: text_data(&content),
        };
        let published = self.node.publish(request).await.unwrap();
        let hearers = match index {
            Some(index) => self.in_channel(index),
            None => (0..self.members.len())
                .filter(|&who| self.members[who].alive && self.members[who].kind != Kind::Detached)
                .collect(),
        };
        assert_eq!(published.subscribers, hearers.len());
        for who in hearers {
            let event = json!({"type": "event", "channel": name.as_str(), "data": {
                "id": published.id.as_str(), "timestamp": published.timestamp, "message": content,
            }});
            self.members[who].expect(index.map(|index| (false, index)), event);
        }
    }

    async fn close(&mut self, who: usize) {
        let Some(who) = self.living(who) else { return };
        if self.members[who].kind != Kind::Detached {
            let client = &self.members[who].client;
            let closed = self.node.close(client, CloseCode::ClosedByOperator, None);
            closed.await.unwrap();
            self.members[who].close = Some(CLOSED_BY_OPERATOR);
        }
    }

    async fn die(&mut self, who: usize) {
        let Some(who) = self.living(who) else { return };
        // What it was not sent yet is lost with it.
        let member = &mut self.members[who];
        member.received.take(&member.pipe).await;
        self.end(who).await;
        self.release(who).await;
    }

    /// Ends every membership, as a connection's task does.
    async fn end(&mut self, who: usize) {
        self.node
            .disconnect(&self.members[who].client)
            .await
            .unwrap();
        self.members[who].alive = false;
        self.members[who].channels.clear();
        for index in self.members[who].rooms.clone() {
            self.forget_member(who, index);
        }
    }

    async fn release(&mut self, who: usize) {
        let member = &mut self.members[who];
        if !std::mem::replace(&mut member.released, true) {
            let released = self.node.hub().release(&member.client, true);
            released.await.unwrap();
        }
    }

    /// Until nothing moves: everybody healthy has read all, and who was evicted is out.
    async fn settle(&mut self) {
        let mut quiet = 0;
        while quiet < 3 {
            quiet += 1;
            self.node.hub().probe().await.unwrap();
            for who in 0..self.members.len() {
                let member = &mut self.members[who];
                if member.kind == Kind::Healthy && member.received.take(&member.pipe).await {
                    quiet = 0;
                }
                if member.alive && member.client.phase() != Phase::Open {
                    if member.close.is_none() {
                        assert_eq!(member.kind, Kind::Stalled, "who reads is not evicted");
                        let bound = PIPE_BYTES + 2000;
                        assert!(member.expected_bytes > bound, "evicted before it was full");
                        member.close = Some(SLOW_CONSUMER);
                        self.evictions += 1;
                    }
                    self.end(who).await;
                    quiet = 0;
                }
            }
            yield_now().await;
        }
    }

    fn check(&self) {
        let hub = self.node.hub();
        let living = self.members.iter().filter(|member| member.alive);
        let attached = living
            .clone()
            .filter(|member| member.kind != Kind::Detached);
        assert_eq!(hub.connections(), attached.count());
        assert_eq!(hub.clients().len(), living.count());
        assert_eq!(hub.metrics().slow_consumers_total.get(), self.evictions);
        for (kind, count) in [(TopicKind::Room, ROOMS), (TopicKind::Channel, CHANNELS)] {
            let mut found = BTreeMap::new();
            for topic in hub.topics(kind) {
                found.insert(topic.name().to_string(), topic.members());
            }
            let mut expected = BTreeMap::new();
            for index in 0..count {
                let (name, members) = match kind {
                    TopicKind::Room => (room(index).as_str().to_owned(), self.in_room(index)),
                    TopicKind::Channel => {
                        (channel(index).as_str().to_owned(), self.in_channel(index))
                    }
                };
                if !members.is_empty() {
                    expected.insert(name, members.len());
                }
            }
            assert_eq!(
                found, expected,
                "no empty topic remains, no member is miscounted"
            );
        }
        for member in &self.members {
            let topics = member.client.topics();
            assert_eq!(topics.len(), member.rooms.len() + member.channels.len());
            if member.kind == Kind::Healthy && member.alive {
                assert_eq!(by_topic(&member.received.texts), member.expected);
                assert!(!member.received.is_cut());
            }
        }
    }

    /// Everybody goes; nothing remains.
    async fn finish(mut self) {
        for who in 0..self.members.len() {
            // Who was only stalled reads at last, and finds every frame whole.
            loop {
                let member = &mut self.members[who];
                let some = member.received.take(&member.pipe).await;
                self.node.hub().probe().await.unwrap();
                yield_now().await;
                if !some {
                    break;
                }
            }
            if self.members[who].alive {
                self.end(who).await;
            }
            self.settle().await;
        }
        for who in 0..self.members.len() {
            self.release(who).await;
        }
        self.node.hub().probe().await.unwrap();
        self.check();
        let hub = self.node.hub();
        assert_eq!((hub.links(), hub.clients().len()), (0, 0));
        for member in &self.members {
            assert_eq!(member.client.phase(), Phase::Closed);
            let received = by_topic(&member.received.texts);
            match (member.kind, member.close) {
                (Kind::Detached, _) => {}
                (Kind::Healthy, close) => {
                    assert_eq!(member.received.close, close);
                    assert_eq!(received, member.expected);
                }
                (Kind::Stalled, Some(SLOW_CONSUMER)) => {
                    assert_eq!(member.received.close, Some(SLOW_CONSUMER));
                    for (topic, texts) in received {
                        assert!(member.expected[&topic].starts_with(&texts), "a hole");
                    }
                }
                (Kind::Stalled, close) => {
                    if !member.released || close.is_some() {
                        assert_eq!(member.received.close, close);
                    }
                    for (topic, texts) in received {
                        assert!(member.expected[&topic].starts_with(&texts), "a hole");
                    }
                }
            }
        }
    }
}

fn by_topic(texts: &[Value]) -> BTreeMap<TopicKey, Vec<Value>> {
    let mut sorted: BTreeMap<TopicKey, Vec<Value>> = BTreeMap::new();
    for text in texts {
        let index = |name: &Value, prefix: &str| {
            let name = name.as_str()?.strip_prefix(prefix)?;
            name.parse::<usize>().ok()
        };
        let room = index(&text["room"], "room").map(|index| (true, index));
        let channel = index(&text["channel"], "channel").map(|index| (false, index));
        sorted
            .entry(room.or(channel))
            .or_default()
            .push(text.clone());
    }
    sorted
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_hub_does_what_the_model_says(
        shards in 1..4_usize,
        operations in proptest::collection::vec(operation(), 1..80),
    ) {
        // Time stands still, so nothing ends but by an operation.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut world = World::new(shards);
            for kind in [Kind::Healthy, Kind::Stalled, Kind::Healthy] {
                world.connect(kind).await;
            }
            for operation in operations {
                world.apply(operation).await;
            }
            world.finish().await;
        });
    }
}
