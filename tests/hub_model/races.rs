//! Everything at once, on several workers and shards: whatever the interleaving was, what
//! each client was sent is one a model could have sent.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wavecast::dialect::native::Native;
use wavecast::hub::{Client, ClientInfo, Hub, HubOptions, Link, Phase, Pipe};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::TopicKind;
use wavecast::protocol::{CloseCode, ErrorCode, Json, RoomName};
use wavecast::wire::Frame;

use crate::frames::Received;

const ROOMS: usize = 2;
const CLIENTS: usize = 6;
const STALLED: usize = CLIENTS - 1;
const WORKERS: usize = 4;
const MAX_MEMBERS: usize = CLIENTS;

#[derive(Debug, Clone)]
enum Operation {
    Join(usize, usize),
    Leave(usize, usize),
    Say(usize, usize),
    /// The connection's own task and the library clean the client up at once.
    Die(usize),
    Close(usize),
    /// Far more than the outbox of who never reads holds.
    Evict,
}

fn operation() -> impl Strategy<Value = Operation> {
    let who = 0..CLIENTS;
    let room = 0..ROOMS;
    prop_oneof![
        12 => (who.clone(), room.clone()).prop_map(|(who, room)| Operation::Join(who, room)),
        6 => (who.clone(), room.clone()).prop_map(|(who, room)| Operation::Leave(who, room)),
        16 => (who.clone(), room).prop_map(|(who, room)| Operation::Say(who, room)),
        1 => who.clone().prop_map(Operation::Die),
        1 => who.prop_map(Operation::Close),
        1 => Just(Operation::Evict),
    ]
}

fn room(index: usize) -> RoomName {
    RoomName::new(&format!("room{index}")).unwrap()
}

/// A client and the task that stands in for its connection.
struct Connection {
    client: Arc<Client>,
    /// Cancelled: the peer has gone.
    gone: CancellationToken,
    task: tokio::task::JoinHandle<Received>,
}

impl Connection {
    async fn open(node: &Arc<Node>, tasks: &TaskTracker, reads: bool) -> Self {
        let pipe = Arc::<Pipe>::default();
        let link = Link::Pipe(pipe.clone());
        let client = node.connect(ClientInfo::default(), link).await.unwrap();
        let gone = CancellationToken::new();
        let task = serve(node.clone(), client.clone(), pipe, reads, gone.clone());
        Self {
            client,
            gone,
            task: tasks.spawn(task),
        }
    }
}

/// What the transport does: read until an end, leave everything, let go.
async fn serve(
    node: Arc<Node>,
    client: Arc<Client>,
    pipe: Arc<Pipe>,
    reads: bool,
    gone: CancellationToken,
) -> Received {
    let mut received = Received::default();
    let peer_ended = loop {
        let mut bytes = Vec::new();
        let open = poll_fn(|cx| {
            client.register_task(cx.waker());
            if client.phase() != Phase::Open {
                return Poll::Ready(false);
            }
            if reads {
                pipe.poll_read(cx, &mut bytes)
            } else {
                Poll::Pending
            }
        });
        let open = tokio::select! {
            open = open => open,
            () = gone.cancelled() => break true,
        };
        received.add(&bytes);
        if !open {
            break false;
        }
    };
    node.disconnect(&client).await.unwrap();
    if !peer_ended {
        // The Close frame is on its way, whoever sent it; the peer reads up to it.
        let rest = async {
            let mut bytes = Vec::new();
            while poll_fn(|cx| pipe.poll_read(cx, &mut bytes)).await {
                received.add(&bytes);
                bytes.clear();
            }
        };
        timeout(Duration::from_secs(5), rest).await.expect("an end");
    }
    node.hub().release(&client, !peer_ended).await.unwrap();
    received
}

/// What a worker's messages in a room were, in the order in which they were accepted.
type Accepted = BTreeMap<usize, Vec<String>>;

async fn work(
    node: Arc<Node>,
    connections: Arc<Vec<Connection>>,
    worker: usize,
    operations: Vec<Operation>,
) -> Accepted {
    let mut accepted = Accepted::new();
    for (step, operation) in operations.into_iter().enumerate() {
        match operation {
            Operation::Join(who, index) => {
                let joined = node
                    .join(&connections[who].client, &room(index), None, None)
                    .await;
                match joined.map_err(|refusal| refusal.code) {
                    Ok(members) => assert!((1..=MAX_MEMBERS).contains(&members)),
                    Err(code) => assert!(
                        matches!(code, ErrorCode::RoomFull | ErrorCode::NotFound),
                        "{code:?}"
                    ),
                }
            }
            Operation::Leave(who, index) => {
                let left = node
                    .leave(&connections[who].client, &room(index), None)
                    .await;
                let code = left.map_err(|refusal| refusal.code);
                assert!(
                    matches!(code, Ok(()) | Err(ErrorCode::NotInRoom)),
                    "{code:?}"
                );
            }
            Operation::Say(who, index) => {
                let content = format!("{worker}-{step}");
                let encoded = Json::encode(&content).unwrap();
                let client = &connections[who].client;
                if node.say(client, &room(index), &encoded, None).await.is_ok() {
                    accepted.entry(index).or_default().push(content);
                }
            }
            Operation::Die(who) => {
                connections[who].gone.cancel();
                node.disconnect(&connections[who].client).await.unwrap();
            }
            Operation::Close(who) => {
                let client = &connections[who].client;
                node.close(client, CloseCode::ClosedByOperator, None)
                    .await
                    .unwrap();
            }
            Operation::Evict => {
                let client = &connections[STALLED].client;
                let large = Frame::text(format!("\"{}\"", "x".repeat(60_000)).into());
                for _ in 0..10 {
                    node.hub().send(client, large.clone()).await.unwrap();
                }
            }
        }
    }
    accepted
}

/// What one client was sent about one room, checked as it goes by.
#[derive(Default)]
struct Room {
    inside: bool,
    others: BTreeSet<String>,
    /// Who was a member before, and has not been seen to leave.
    left_unseen: BTreeSet<String>,
    messages: Vec<Vec<(String, String)>>,
}

impl Room {
    fn see(&mut self, text: &Value) {
        let user = text["user_id"].as_str().unwrap_or_default().to_owned();
        match text["type"].as_str().unwrap() {
            "joined" => {
                if !self.inside {
                    self.inside = true;
                    self.others.clear();
                    self.left_unseen.clear();
                    self.messages.push(Vec::new());
                }
            }
            "left" => {
                assert!(self.inside, "left twice: {text}");
                self.inside = false;
            }
            "user_joined" => {
                assert!(self.inside, "told from outside: {text}");
                assert!(self.others.insert(user), "joined twice: {text}");
            }
            "user_left" => {
                assert!(self.inside, "told from outside: {text}");
                let seen = self.others.remove(&user);
                let known = seen || self.left_unseen.insert(user);
                assert!(known, "left twice: {text}");
            }
            "message" => {
                assert!(self.inside, "told from outside: {text}");
                let said = (text["from"].to_string(), text["content"].to_string());
                self.messages.last_mut().unwrap().push(said);
            }
            other => panic!("{other}"),
        }
    }
}

fn rooms_of(received: &Received) -> BTreeMap<String, Room> {
    let mut rooms: BTreeMap<String, Room> = BTreeMap::new();
    for text in &received.texts {
        if let Some(name) = text["room"].as_str() {
            rooms.entry(name.to_owned()).or_default().see(text);
        }
    }
    rooms
}

async fn race(shards: usize, operations: Vec<Vec<Operation>>) {
    let tasks = TaskTracker::new();
    let options = HubOptions {
        shards,
        mailbox_capacity: 2,
        outbox_max_bytes: 256 * 1024,
        ..HubOptions::default()
    };
    let limits = NodeOptions {
        max_clients_per_room: MAX_MEMBERS,
        ..NodeOptions::default()
    };
    let node = Arc::new(Node::new(Hub::new(&options, &Native, &tasks), limits));
    // The witness of a room is in it from before the first to behind the last.
    let mut witnesses = Vec::new();
    for index in 0..ROOMS {
        let witness = Connection::open(&node, &tasks, true).await;
        node.join(&witness.client, &room(index), None, None)
            .await
            .unwrap();
        witnesses.push(witness);
    }
    let mut connections = Vec::new();
    for who in 0..CLIENTS {
        connections.push(Connection::open(&node, &tasks, who != STALLED).await);
    }
    let connections = Arc::new(connections);
    let mut workers = Vec::new();
    for (worker, operations) in operations.into_iter().enumerate() {
        let work = work(node.clone(), connections.clone(), worker, operations);
        workers.push(tasks.spawn(work));
    }
    let mut accepted = Vec::new();
    for worker in workers {
        accepted.push(worker.await.unwrap());
    }

    // The others go, then the witnesses.
    let names: Vec<String> = connections
        .iter()
        .map(|connection| connection.client.display_name())
        .collect();
    for connection in connections.iter() {
        node.close(&connection.client, CloseCode::GoingAway, None)
            .await
            .unwrap();
    }
    let mut received = Vec::new();
    for connection in Arc::into_inner(connections).unwrap() {
        received.push(connection.task.await.unwrap());
    }
    let mut testimony = Vec::new();
    for witness in witnesses {
        node.close(&witness.client, CloseCode::GoingAway, None)
            .await
            .unwrap();
        testimony.push(witness.task.await.unwrap());
    }
    let hub = node.hub();
    hub.probe().await.unwrap();
    assert_eq!(
        (hub.links(), hub.connections(), hub.clients().len()),
        (0, 0, 0)
    );
    assert_eq!(hub.topics(TopicKind::Room).len(), 0);

    for (index, witness) in testimony.iter().enumerate() {
        let name = room(index).as_str().to_owned();
        let mut rooms = rooms_of(witness);
        let whole = rooms.remove(&name).expect("it joined");
        assert!(whole.others.is_empty(), "left and not announced");
        assert!(whole.left_unseen.is_empty(), "left and never joined");
        let order = &whole.messages[0];
        for accepted in &accepted {
            // Each worker's messages once, in the order in which they were accepted.
            let accepted = accepted.get(&index).cloned().unwrap_or_default();
            let prefix = accepted.first().and_then(|first| first.split_once('-'));
            let prefix = format!("\"{}-", prefix.map_or("none", |(worker, _)| worker));
            let heard = order
                .iter()
                .filter(|(_, content)| content.starts_with(&prefix));
            let heard: Vec<String> = heard.map(|(_, content)| content.replace('"', "")).collect();
            assert_eq!(heard, accepted);
        }
        for (who, received) in received.iter().enumerate() {
            let Some(room) = rooms_of(received).remove(&name) else {
                continue;
            };
            let own = format!("\"{}\"", names[who]);
            for stay in room.messages {
                let Some(first) = stay.first() else { continue };
                let start = order
                    .iter()
                    .position(|said| said == first)
                    .expect("witnessed");
                let others = order[start..].iter().filter(|(from, _)| *from != own);
                let others: Vec<_> = others.take(stay.len()).cloned().collect();
                assert_eq!(stay, others, "one order for all, without a hole");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_happens_at_once_happens_in_one_order(
        shards in 1..4_usize,
        operations in proptest::collection::vec(
            proptest::collection::vec(operation(), 1..60), WORKERS..=WORKERS),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let race = race(shards, operations);
            timeout(Duration::from_secs(30), race).await.expect("a deadlock");
        });
    }
}
