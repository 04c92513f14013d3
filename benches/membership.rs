//! What it costs a shard when many members of one topic leave or reconnect at once.
//!
//! `cargo bench --bench membership` prints a table: CPU time of the shard for 100,000 members, and
//! its longest turn, in which no other task of its worker runs. The clients have no sockets, and
//! get no acknowledgements: `fanout` measures writing. Figures above the bars are marked.
//!
//! The shard shares one thread with a task that passes the requests on, as many as the mailbox
//! holds, and then yields: what passes until it goes on is the shard's turn. For the last column,
//! another thread fills the mailbox while the shard works.

#![allow(missing_docs, reason = "a benchmark is a program")]

#[path = "support/measure.rs"]
mod measure;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::Dialects;
use wavecast::hub::{Client, ClientInfo, Hub, HubOptions, JoinOptions, Link};
use wavecast::protocol::TopicKind;

use self::measure::{median, thread_cpu_time};

/// The binary's allocator. The system's adds turns of 4 ms when many connections are freed.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const MEMBERS: usize = 100_000;
const QUICK_MEMBERS: usize = 5000;
const ROUNDS: usize = 7;
/// Requests passed on together: the mailbox holds 1024.
const TOGETHER: usize = 1000;
const TOPIC: &str = "bench";
/// CPU time of the shard for all members.
const BAR: Duration = Duration::from_millis(50);
/// A shard's turn.
const LONGEST_TURN: Duration = Duration::from_millis(5);

/// What members do.
#[derive(Clone, Copy)]
enum Change {
    /// They join the topic.
    Join,
    /// They leave it and stay connected.
    Leave,
    /// They disconnect: the membership ends, and the connection is released.
    Disconnect,
    /// They connect and join.
    Reconnect,
}

const CHANGES: [(Change, &str); 4] = [
    (Change::Leave, "leave"),
    (Change::Join, "join"),
    (Change::Disconnect, "disconnect"),
    (Change::Reconnect, "connect and join"),
];

/// What the shard took.
#[derive(Clone, Copy, Default)]
struct Turns {
    total: Duration,
    longest: Duration,
}

impl Turns {
    /// Runs the shard.
    async fn take(&mut self) {
        let start = thread_cpu_time();
        yield_now().await;
        let turn = thread_cpu_time().saturating_sub(start);
        self.total += turn;
        self.longest = self.longest.max(turn);
    }
}

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// A hub whose shard runs on the runtime that has been entered.
fn hub() -> Hub {
    let options = HubOptions {
        shards: 1,
        // No pings, because these clients answer none.
        ping_interval: Duration::from_secs(30 * 24 * 3600),
        pong_timeout: Duration::from_secs(90 * 24 * 3600),
        ..HubOptions::default()
    };
    Hub::new(&options, Dialects::default(), &TaskTracker::new())
}

fn connect(hub: &Hub) -> Arc<Client> {
    let link = Link::Pipe(Arc::default());
    let client = hub.connect(Uuid::now_v7(), ClientInfo::default(), link);
    client.expect("a running hub").expect("a new id")
}

async fn change(hub: &Hub, client: &mut Arc<Client>, change: Change) {
    const KIND: TopicKind = TopicKind::Channel;
    match change {
        Change::Join => {
            let options = JoinOptions::default();
            let name = TOPIC.into();
            let joined = hub.join(client, KIND, &name, options, |_, _| None);
            joined.await.expect("a member");
        }
        Change::Leave => {
            let left = hub.leave(client, KIND, TOPIC, None, None);
            left.await.expect("a member");
        }
        Change::Disconnect => {
            let gone = hub.disconnect(client, |_| None);
            assert!(gone.await.expect("a running hub"), "the first time");
            hub.release(client, false).expect("a running hub");
        }
        Change::Reconnect => {
            *client = connect(hub);
            Box::pin(self::change(hub, client, Change::Join)).await;
        }
    }
}

/// A hub with that many members of the topic.
async fn hub_with_members(members: usize) -> (Hub, Vec<Arc<Client>>) {
    let hub = hub();
    let mut clients = Vec::with_capacity(members);
    for _ in 0..members {
        let mut client = connect(&hub);
        change(&hub, &mut client, Change::Join).await;
        clients.push(client);
    }
    hub.probe().await.expect("a running hub");
    (hub, clients)
}

fn members(hub: &Hub) -> usize {
    let topic = hub.topic(TopicKind::Channel, TOPIC);
    topic.map_or(0, |topic| topic.members())
}

/// The turns of a shard that shares its thread with those who ask, for each change.
fn alone(count: usize) -> [Turns; CHANGES.len()] {
    runtime().block_on(async {
        let (hub, mut clients) = hub_with_members(count).await;
        let mut all = [Turns::default(); CHANGES.len()];
        for (turns, (kind, _)) in all.iter_mut().zip(CHANGES) {
            let before = members(&hub);
            for together in clients.chunks_mut(TOGETHER) {
                for client in together {
                    change(&hub, client, kind).await;
                }
                turns.take().await;
            }
            assert_eq!(members(&hub), count - before, "all of them");
        }
        all
    })
}

/// The longest turn for each change, while another thread fills the mailbox.
fn while_filled(count: usize) -> [Duration; CHANGES.len()] {
    let runtime = runtime();
    let (hub, mut clients) = runtime.block_on(hub_with_members(count));
    CHANGES.map(|(kind, _)| {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                self::runtime().block_on(async {
                    for client in &mut clients {
                        change(&hub, client, kind).await;
                    }
                    hub.probe().await.expect("a running hub");
                });
                done.store(true, Ordering::Relaxed);
            });
            runtime.block_on(async {
                let mut turns = Turns::default();
                while !done.load(Ordering::Relaxed) {
                    turns.take().await;
                }
                turns.longest
            })
        })
    })
}

fn milliseconds(time: Duration, bar: Duration) -> String {
    let mark = if time > bar { " (too much)" } else { "" };
    format!("{:.2} ms{mark}", time.as_secs_f64() * 1e3)
}

/// The median of what `time` takes out of each round.
fn typical<R>(rounds: &[R], time: impl Fn(&R) -> Duration) -> Duration {
    let times = rounds.iter().map(|round| time(round).as_secs_f64());
    Duration::from_secs_f64(median(times.collect()))
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--test");
    let (count, rounds) = if quick {
        (QUICK_MEMBERS, 1)
    } else {
        (MEMBERS, ROUNDS)
    };
    let alone: Vec<_> = (0..rounds).map(|_| alone(count)).collect();
    let filled: Vec<_> = (0..rounds).map(|_| while_filled(count)).collect();
    println!(
        "| {count} members of one topic | shard, in all | longest turn | while another thread fills the mailbox |"
    );
    println!("|---|---|---|---|");
    for (index, (_, name)) in CHANGES.iter().enumerate() {
        let total = typical(&alone, |round| round[index].total);
        let longest = typical(&alone, |round| round[index].longest);
        let filled = typical(&filled, |round| round[index]);
        println!(
            "| {name} | {} | {} | {} |",
            milliseconds(total, BAR),
            milliseconds(longest, LONGEST_TURN),
            milliseconds(filled, LONGEST_TURN),
        );
    }
}
