//! What presence costs: those who join, those who watch, and those who do neither.
//!
//! `cargo bench --bench presence` prints two tables. The first has 10,000 users that join a channel
//! within a second: CPU time for each, and the announcements that a watcher gets. The second has
//! publications to a channel: CPU time per delivery where nobody may watch, and where everybody does. The
//! clients have no sockets: `fanout` measures writing.

#![allow(missing_docs, reason = "a benchmark is a program")]

#[path = "support/measure.rs"]
mod measure;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::NativeText;
use wavecast::hub::{
    Client, ClientInfo, Hub, HubOptions, JoinOptions, Link, TopicOptions, TopicRules,
};
use wavecast::presence::PresenceOptions;
use wavecast::protocol::{Identity, TopicKind, UserId};

use self::measure::{median, thread_cpu_time};

const KIND: TopicKind = TopicKind::Channel;
const TOPIC: &str = "bench";
const USERS: usize = 10_000;
const QUICK_USERS: usize = 500;
const WATCHERS: usize = 100;
/// Users join in this many groups, within a second.
const GROUPS: usize = 100;
const ROUNDS: usize = 9;
/// Publications per round.
const PUBLICATIONS: usize = 200;

fn hub(keeps_presence: bool) -> Hub {
    let options = HubOptions {
        shards: 1,
        ping_interval: Duration::from_secs(30 * 24 * 3600),
        pong_timeout: Duration::from_secs(90 * 24 * 3600),
        topics: TopicRules::all(TopicOptions {
            presence: keeps_presence.then(PresenceOptions::default),
            ..TopicOptions::default()
        }),
        ..HubOptions::default()
    };
    Hub::new(&options, Dialects::default(), &TaskTracker::new())
}

fn connect(hub: &Hub, user: &str) -> Arc<Client> {
    let identity = Identity::new(UserId::new(user).expect("a user"));
    let info = ClientInfo {
        identity: Some(Arc::new(identity)),
        ..ClientInfo::default()
    };
    let client = hub.connect(Uuid::now_v7(), info, Link::Detached);
    client.expect("a running hub").expect("a new id")
}

async fn join(hub: &Hub, client: &Arc<Client>, watches: bool) {
    let options = JoinOptions {
        watches: watches.then_some(true),
        ..JoinOptions::default()
    };
    let name = TOPIC.into();
    let joined = hub.join(client, KIND, &name, options, |_, _| None);
    joined.await.expect("a member");
}

/// CPU time for each of the users that join within a second, and announcements per watcher.
async fn joins(users: usize, keeps_presence: bool, watchers: usize) -> (Duration, f64) {
    let hub = hub(keeps_presence);
    let connected = |name: &str, count: usize| -> Vec<Arc<Client>> {
        let users = (0..count).map(|number| format!("{name}-{number}"));
        users.map(|user| connect(&hub, &user)).collect()
    };
    let (watching, joining) = (connected("watcher", watchers), connected("user", users));
    for client in &watching {
        join(&hub, client, true).await;
    }
    sleep_until(Instant::now() + Duration::from_secs(1)).await;
    let before = hub.metrics().deliveries_total.get();
    let (began, cpu) = (Instant::now(), thread_cpu_time());
    for (index, group) in joining.chunks(users.div_ceil(GROUPS)).enumerate() {
        for client in group {
            join(&hub, client, false).await;
        }
        sleep_until(began + Duration::from_millis(10) * (index as u32 + 1)).await;
    }
    // The last announcement is due by then.
    sleep_until(Instant::now() + PresenceOptions::default().interval * 2).await;
    let took = thread_cpu_time().saturating_sub(cpu);
    let told = hub.metrics().deliveries_total.get() - before;
    let per_watcher = told as f64 / watchers.max(1) as f64;
    (took / users as u32, per_watcher)
}

/// CPU time per delivery, in nanoseconds.
async fn deliveries(members: usize, watched: bool) -> f64 {
    let hub = hub(watched);
    let clients = (0..members).map(|number| connect(&hub, &format!("user-{number}")));
    let clients: Vec<Arc<Client>> = clients.collect();
    for client in &clients {
        join(&hub, client, watched).await;
    }
    sleep_until(Instant::now() + Duration::from_secs(1)).await;
    let event = NativeText::source(&format!("{{\"x\":\"{}\"}}", "x".repeat(120)));
    let mut costs = Vec::new();
    for _ in 0..ROUNDS {
        let cpu = thread_cpu_time();
        for _ in 0..PUBLICATIONS {
            let told = hub.broadcast(KIND, TOPIC, &event, None).await;
            assert_eq!(told.expect("a running hub"), members);
        }
        hub.probe().await.expect("a running hub");
        let took = thread_cpu_time().saturating_sub(cpu);
        costs.push(took.as_nanos() as f64 / (PUBLICATIONS * members) as f64);
    }
    median(costs)
}

fn main() {
    // `cargo test --benches` only shows that it runs.
    let quick = !std::env::args().any(|argument| argument == "--bench");
    let users = if quick { QUICK_USERS } else { USERS };
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        println!(
            "| {users} users join within a second | CPU for each, µs | announcements per watcher |"
        );
        println!("|---|---|---|");
        for (name, keeps_presence, watchers) in [
            ("no presence", false, 0),
            ("presence, nobody watches", true, 0),
            ("presence, 100 watch", true, WATCHERS),
        ] {
            let (cpu, told) = joins(users, keeps_presence, watchers).await;
            println!("| {name} | {:.2} | {told:.1} |", cpu.as_secs_f64() * 1e6);
        }
        println!();
        println!("| 1000 members of a channel | CPU per delivery, ns |");
        println!("|---|---|");
        for (name, watched) in [("no presence", false), ("presence, all watch", true)] {
            let cpu = deliveries(1000, watched).await;
            println!("| {name} | {cpu:.0} |");
        }
    });
}
