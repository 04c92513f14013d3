//! What work costs that could depend on how many clients and topics there are.
//!
//! `cargo bench --bench lists` prints a table: the CPU time of an idle sweeper with 100,000
//! histories, and the time of one page of a list and of what `GET /api/stats` reads. The clients
//! have pipes for sockets, which nobody reads. It also shows the memory of a client.

#[path = "support/measure.rs"]
mod measure;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::NativeText;
use wavecast::history::HistoryLimits;
use wavecast::hub::{
    Client, ClientInfo, Hub, HubOptions, JoinOptions, Link, TopicOptions, TopicRules,
};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::TopicKind;

use self::measure::{cpu_time, median};

const CHANNELS: usize = 100_000;
const CLIENTS: [usize; 2] = [19_000, 200_000];
const AGES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(600)];
/// How long an idle sweeper is watched; longer than the longest pause between two sweeps.
const WATCHED: Duration = Duration::from_secs(11);
const PAGE: usize = 1000;
const ROUNDS: usize = 51;

fn hub(age: Option<Duration>) -> Hub {
    let limits = age.map(|max_age| HistoryLimits {
        max_age,
        ..HistoryLimits::default()
    });
    let options = HubOptions {
        shards: 1,
        ping_interval: Duration::from_secs(30 * 24 * 3600),
        pong_timeout: Duration::from_secs(90 * 24 * 3600),
        topics: TopicRules::all(TopicOptions {
            history: limits,
            ..TopicOptions::default()
        }),
        ..HubOptions::default()
    };
    Hub::new(&options, Dialects::default(), &TaskTracker::new())
}

fn node() -> Node {
    Node::new(hub(None), NodeOptions::default())
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn connect(hub: &Hub, link: Link) -> Arc<Client> {
    let connected = hub.connect(Uuid::now_v7(), ClientInfo::default(), link);
    connected.expect("a running hub").expect("a new id")
}

/// The part of a core that the sweeper takes while nothing happens.
async fn idle_sweeper(age: Duration) -> f64 {
    let hub = hub(Some(age));
    for number in 0..CHANNELS {
        let name = format!("channel-{number}").into();
        let message = NativeText::source(r#"{"type":"event"}"#);
        let published = hub.publish(TopicKind::Channel, &name, &message, None, |_| None);
        published.await.expect("a running hub");
    }
    // By now the sweeper has visited each topic once, and the shorter age has passed.
    tokio::time::sleep(WATCHED).await;
    let (start, cpu) = (Instant::now(), cpu_time());
    tokio::time::sleep(WATCHED).await;
    cpu_time().saturating_sub(cpu).as_secs_f64() / start.elapsed().as_secs_f64()
}

/// The median time of `work`, in microseconds.
async fn timed(mut work: impl AsyncFnMut()) -> f64 {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work().await;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    median(times)
}

/// Microseconds to join a new channel, for a page of channels, and for what the statistics read.
async fn channels() -> (f64, f64, f64) {
    let node = node();
    let clients: Vec<Arc<Client>> = (0..CHANNELS / PAGE)
        .map(|_| connect(node.hub(), Link::Detached))
        .collect();
    let start = cpu_time();
    for number in 0..CHANNELS {
        let client = &clients[number / PAGE];
        let name = format!("channel-{number}").into();
        let options = JoinOptions::default();
        let hub = node.hub();
        let joined = hub.join(client, TopicKind::Channel, &name, options, |_, _| None);
        joined.await.expect("a member");
        if number % 500 == 0 {
            hub.probe().await.expect("a running hub");
        }
    }
    let join = cpu_time().saturating_sub(start).as_secs_f64() * 1e6 / CHANNELS as f64;
    let page = timed(async || {
        let page = node.topics(TopicKind::Channel, Some("channel-5"), PAGE);
        assert_eq!((page.items.len(), page.total), (PAGE, CHANNELS));
    });
    let page = page.await;
    let stats = timed(async || {
        let channels = node.topics(TopicKind::Channel, None, PAGE);
        let members: usize = channels.items.iter().map(|topic| topic.members()).sum();
        let rooms = node.topics(TopicKind::Room, None, 0).total;
        assert_eq!((members, rooms, channels.total), (PAGE, 0, CHANNELS));
    });
    (join, page, stats.await)
}

/// Microseconds of CPU to connect a client, and to make a page of clients.
async fn connections(count: usize) -> (f64, f64) {
    let node = node();
    let start = cpu_time();
    let clients: Vec<Arc<Client>> = (0..count)
        .map(|_| connect(node.hub(), Link::Pipe(Arc::default())))
        .collect();
    let connect = cpu_time().saturating_sub(start).as_secs_f64() * 1e6 / count as f64;
    node.probe().await.expect("a running hub");
    let after = clients[count / 2].id();
    let page = timed(async || {
        let page = node.connections(Some(after), PAGE).await;
        let page = page.expect("a running hub");
        assert_eq!((page.items.len(), page.total), (PAGE, count));
    });
    (connect, page.await)
}

/// Resident memory of this process, in bytes.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split(' ').nth(1).expect("the resident pages");
    pages.parse::<usize>().expect("a number") * 4096
}

/// Bytes per client. Measured first, while no memory can be used again.
async fn memory(count: usize) -> usize {
    let node = node();
    let before = resident_bytes();
    for _ in 0..count {
        connect(node.hub(), Link::Pipe(Arc::default()));
    }
    node.probe().await.expect("a running hub");
    (resident_bytes() - before) / count
}

fn main() {
    println!("| what | cost |");
    println!("|---|---|");
    let bytes = runtime().block_on(memory(CLIENTS[1]));
    println!("| memory of a client, of {} | {bytes} bytes |", CLIENTS[1]);
    for age in AGES {
        let part = runtime().block_on(idle_sweeper(age));
        println!(
            "| idle, {CHANNELS} histories of {age:?} | {:.2} % of a core |",
            part * 100.0
        );
    }
    let (join, page, stats) = runtime().block_on(channels());
    println!("| join a new channel, of {CHANNELS} | {join:.2} µs of CPU |");
    println!("| page of {PAGE} of {CHANNELS} channels | {page:.0} µs |");
    println!("| what the statistics read of them | {stats:.0} µs |");
    for count in CLIENTS {
        let (connect, page) = runtime().block_on(connections(count));
        println!("| connect a client, of {count} | {connect:.2} µs of CPU |");
        println!("| page of {PAGE} of {count} connections | {page:.0} µs |");
    }
}
