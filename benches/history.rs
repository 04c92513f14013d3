//! What a history adds to the cost of a publication, and the cost of a replay.
//!
//! `cargo bench --bench history` prints two tables. For the first, events are published to one
//! member without a socket, so that only publishing is measured, in alternating rounds with and
//! without a history. For the second, 1000 clients on real loopback sockets, read by another
//! process, all request the same 1000 events at once.

#![allow(missing_docs, reason = "criterion's macros define functions")]

#[path = "support/measure.rs"]
mod measure;
#[path = "support/receivers.rs"]
mod receivers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::native::NativeText;
use wavecast::dialect::{At, ClassId, Dialects, Source};
use wavecast::history::HistoryLimits;
use wavecast::hub::{
    Client, ClientInfo, Hub, HubOptions, JoinOptions, Link, TopicOptions, TopicRules,
};
use wavecast::protocol::TopicKind;
use wavecast::protocol::{HistoryRequest, Position, ResumeRequest};
use wavecast::transport::SocketOptions;

use self::measure::{cpu_time, median};
use self::receivers::Receivers;

const KIND: TopicKind = TopicKind::Channel;
const TOPIC: &str = "bench";
const SIZES: [usize; 2] = [128, 1024];
/// Publications per round; no more than the capacity of a mailbox.
const BATCH: usize = 512;
const ROUNDS: usize = 201;
const CLIENTS: usize = 1000;
const EVENTS: usize = 1000;
const REPLAYS: usize = 11;

/// A message of about `size` bytes.
fn message(size: usize) -> Arc<dyn Source> {
    NativeText::source(&format!(
        r#"{{"type":"event","data":"{}"}}"#,
        "x".repeat(size)
    ))
}

fn hub(history: bool) -> Hub {
    let limits = HistoryLimits {
        max_messages: EVENTS,
        max_bytes: 16 * 1024 * 1024,
        ..HistoryLimits::default()
    };
    let options = HubOptions {
        shards: 1,
        // No pings, because the receivers count bytes.
        ping_interval: Duration::from_secs(30 * 24 * 3600),
        pong_timeout: Duration::from_secs(90 * 24 * 3600),
        topics: TopicRules::all(TopicOptions {
            history: history.then_some(limits),
            ..TopicOptions::default()
        }),
        ..HubOptions::default()
    };
    Hub::new(&options, Dialects::default(), &TaskTracker::new())
}

fn connect(hub: &Hub, link: Link) -> Arc<Client> {
    let connected = hub.connect(Uuid::now_v7(), ClientInfo::default(), link);
    connected.expect("a running hub").expect("a new id")
}

async fn join(hub: &Hub, client: &Arc<Client>, resume: Option<&ResumeRequest>) {
    let joining = JoinOptions {
        resume,
        ..JoinOptions::default()
    };
    hub.join(client, KIND, &TOPIC.into(), joining, |_, _| None)
        .await
        .expect("a member");
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// CPU time of one round of publications, including the shard's part.
async fn publish(hub: &Hub, message: &Arc<dyn Source>) -> Duration {
    let topic = TOPIC.into();
    let start = cpu_time();
    for _ in 0..BATCH {
        let published = hub.publish(KIND, &topic, message, None, |_| None);
        assert_eq!(published.await.expect("a running hub").members, 1);
    }
    hub.probe().await.expect("a running hub");
    cpu_time().saturating_sub(start)
}

fn cost_of_history() {
    let runtime = runtime();
    println!("| message | publish without history, ns | with | difference |");
    println!("|---|---|---|---|");
    runtime.block_on(async {
        let hubs = [hub(false), hub(true)];
        for hub in &hubs {
            let client = connect(hub, Link::Detached);
            join(hub, &client, None).await;
        }
        for size in SIZES {
            let message = message(size);
            let mut costs = [Vec::new(), Vec::new()];
            for _ in 0..ROUNDS {
                for (hub, costs) in hubs.iter().zip(&mut costs) {
                    let cost = publish(hub, &message).await;
                    costs.push(cost.as_secs_f64() * 1e9 / BATCH as f64);
                }
            }
            let [without, with] = costs.map(median);
            let difference = with - without;
            println!("| {size} B | {without:.0} | {with:.0} | {difference:.0} |");
        }
    });
}

struct Replay {
    runtime: Runtime,
    hub: Hub,
    clients: Vec<Arc<Client>>,
    receivers: Receivers,
    start: ResumeRequest,
    /// Size of the events as a client receives them, in bytes.
    bytes: usize,
}

impl Replay {
    fn new() -> Self {
        let runtime = runtime();
        let (hub, clients, receivers) = runtime.block_on(async {
            let (receivers, accepted) = Receivers::start(CLIENTS);
            let hub = hub(true);
            let message = message(SIZES[0]);
            for _ in 0..EVENTS {
                hub.publish(KIND, &TOPIC.into(), &message, None, |_| None)
                    .await
                    .expect("a running hub");
            }
            let mut clients = Vec::with_capacity(CLIENTS);
            for socket in accepted {
                socket.set_nonblocking(true).expect("a nonblocking socket");
                let socket = Arc::new(TcpStream::from_std(socket).expect("a registered socket"));
                SocketOptions::default().apply(&socket);
                let client = connect(&hub, Link::Tcp(socket));
                join(&hub, &client, None).await;
                clients.push(client);
            }
            (hub, clients, receivers)
        });
        let all = HistoryRequest::new(None, Some(0), Some(EVENTS as u64)).expect("a request");
        let page = hub
            .history(KIND, TOPIC, all, usize::MAX)
            .expect("a history");
        let frames = page.page.items.iter();
        let at = At {
            offset: 1,
            epoch: "",
        };
        let bytes = frames
            .map(|kept| kept.form(ClassId::NATIVE, at).len())
            .sum();
        Self {
            runtime,
            hub,
            clients,
            receivers,
            start: ResumeRequest {
                since: Position::new(0, &page.top.epoch),
                last: None,
            },
            bytes,
        }
    }

    /// All clients resume at once. Returns wall time and CPU time until everything has been
    /// received.
    fn round(&mut self) -> (Duration, Duration) {
        self.runtime.block_on(async {
            self.receivers
                .expect((self.bytes * self.clients.len()) as u64)
                .await;
            let (start, cpu) = (Instant::now(), cpu_time());
            for client in &self.clients {
                join(&self.hub, client, Some(&self.start)).await;
            }
            self.receivers.wait().await;
            (start.elapsed(), cpu_time().saturating_sub(cpu))
        })
    }
}

fn cost_of_replays(criterion: &mut Criterion, quick: bool) {
    let mut replay = Replay::new();
    if !quick {
        let rounds: Vec<_> = (0..REPLAYS).map(|_| replay.round()).collect();
        let events = (CLIENTS * EVENTS) as f64;
        let wall = median(rounds.iter().map(|round| round.0.as_secs_f64()).collect());
        let cpu = median(rounds.iter().map(|round| round.1.as_secs_f64()).collect());
        println!("| clients | events each | until all are delivered, ms | CPU per event, µs |");
        println!("|---|---|---|---|");
        let (wall, cpu) = (wall * 1e3, cpu / events * 1e6);
        println!("| {CLIENTS} | {EVENTS} | {wall:.0} | {cpu:.3} |");
    }
    let mut group = criterion.benchmark_group("history");
    group.sample_size(10);
    group.throughput(Throughput::Elements((CLIENTS * EVENTS) as u64));
    group.bench_function("replay", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| replay.round().0).sum());
    });
    group.finish();
}

fn main() {
    if receivers::run_as_receiver() {
        return;
    }
    let quick = std::env::args().any(|argument| argument == "--test");
    let mut criterion = Criterion::default().configure_from_args();
    if !quick {
        cost_of_history();
    }
    cost_of_replays(&mut criterion, quick);
    criterion.final_summary();
}
