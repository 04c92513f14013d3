//! The cost of a broadcast, compared with a bare loop of writes to the same sockets.
//!
//! Each delivery goes to a real loopback socket whose other end is read by another process. A
//! round ends when everything has been received. The figures are CPU times of this process. The
//! rounds of both alternate, so that drift in the machine's speed does not affect the ratio.
//!
//! `cargo bench --bench fanout` first prints the table in the README, then criterion's figures.

#![allow(missing_docs, reason = "criterion's macros define functions")]

#[path = "support/measure.rs"]
mod measure;
#[path = "support/receivers.rs"]
mod receivers;

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::native::NativeText;
use wavecast::dialect::{Dialects, Source};
use wavecast::hub::{ClientInfo, Hub, HubOptions, JoinOptions, Link};
use wavecast::protocol::TopicKind;
use wavecast::transport::SocketOptions;
use wavecast::wire::Frame;

use self::measure::{cpu_time, median};
use self::receivers::Receivers;

const SUBSCRIBERS: [usize; 3] = [1000, 5000, 10_000];
const SIZES: [usize; 2] = [128, 1024];
const WAITING: [usize; 3] = [1, 4, 16];
const TOPIC: &str = "bench";
/// Rounds of each kind per row of the table.
const ROUNDS: usize = 41;

struct Bench {
    runtime: Runtime,
    hub: Hub,
    sockets: Vec<Arc<TcpStream>>,
    receivers: Receivers,
}

impl Bench {
    fn new(subscribers: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (hub, sockets, receivers) = runtime.block_on(async {
            let (receivers, accepted) = Receivers::start(subscribers);
            let options = HubOptions {
                shards: 1,
                // No pings, because the receivers count bytes.
                ping_interval: Duration::from_secs(30 * 24 * 3600),
                pong_timeout: Duration::from_secs(90 * 24 * 3600),
                ..HubOptions::default()
            };
            let hub = Hub::new(&options, Dialects::default(), &TaskTracker::new());
            let mut sockets = Vec::with_capacity(accepted.len());
            for socket in accepted {
                socket.set_nonblocking(true).expect("a nonblocking socket");
                let socket = Arc::new(TcpStream::from_std(socket).expect("a registered socket"));
                SocketOptions::default().apply(&socket);
                let client = hub
                    .connect(
                        Uuid::now_v7(),
                        ClientInfo::default(),
                        Link::Tcp(socket.clone()),
                    )
                    .expect("a running hub")
                    .expect("a new id");
                hub.join(
                    &client,
                    TopicKind::Channel,
                    &TOPIC.into(),
                    JoinOptions::default(),
                    |_, _| None,
                )
                .await
                .expect("a member");
                sockets.push(socket);
            }
            (hub, sockets, receivers)
        });
        Self {
            runtime,
            hub,
            sockets,
            receivers,
        }
    }

    /// One round of the hub: `waiting` broadcasts, which the shard finds in its mailbox together.
    fn round_of_hub(&mut self, source: &Arc<dyn Source>, waiting: usize) -> Duration {
        let subscribers = self.sockets.len();
        self.runtime.block_on(async {
            let bytes = (subscribers * waiting * source.plain().len()) as u64;
            self.receivers.expect(bytes).await;
            let start = cpu_time();
            for _ in 0..waiting {
                let sent = self
                    .hub
                    .broadcast(TopicKind::Channel, TOPIC, source, None)
                    .await
                    .expect("a running hub");
                assert_eq!(sent, subscribers);
            }
            self.receivers.wait().await;
            cpu_time().saturating_sub(start)
        })
    }

    /// One round of the bare loop: the same bytes, with one system call per socket.
    fn round_of_bare_loop(&mut self, frame: &Frame, waiting: usize) -> Duration {
        let mut bytes = Vec::new();
        frame.copy_to(&mut bytes);
        let messages = vec![IoSlice::new(&bytes); waiting];
        self.runtime.block_on(async {
            let total = (self.sockets.len() * waiting * bytes.len()) as u64;
            self.receivers.expect(total).await;
            let start = cpu_time();
            for socket in &self.sockets {
                let socket = SockRef::from(&**socket);
                let sent = if waiting == 1 {
                    socket.send(&bytes)
                } else {
                    socket.send_vectored(&messages)
                };
                assert_eq!(sent.expect("room in the socket"), waiting * bytes.len());
            }
            self.receivers.wait().await;
            cpu_time().saturating_sub(start)
        })
    }
}

/// Prints the cost of both and their ratio, from alternating rounds.
fn table(bench: &mut Bench) {
    let subscribers = bench.sockets.len();
    for size in SIZES {
        for waiting in WAITING {
            let source = NativeText::source(&"x".repeat(size));
            let (mut bare, mut hub, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let deliveries = (subscribers * waiting) as f64;
                let bare_time = bench
                    .round_of_bare_loop(&source.plain(), waiting)
                    .as_secs_f64();
                let hub_time = bench.round_of_hub(&source, waiting).as_secs_f64();
                bare.push(bare_time / deliveries * 1e6);
                hub.push(hub_time / deliveries * 1e6);
                ratios.push(hub_time / bare_time);
            }
            println!(
                "| {subscribers} | {size} B | {waiting} | {:.2} | {:.2} | {:.2} |",
                median(bare),
                median(hub),
                median(ratios),
            );
        }
    }
}

fn fanout(criterion: &mut Criterion) {
    let quick = std::env::args().any(|argument| argument == "--test");
    println!("| subscribers | message | waiting | bare loop, µs | hub, µs | ratio |");
    println!("|---|---|---|---|---|---|");
    for subscribers in SUBSCRIBERS {
        let mut bench = Bench::new(subscribers);
        if !quick {
            table(&mut bench);
        }
        let mut group = criterion.benchmark_group(format!("fanout/{subscribers}"));
        group.sample_size(10);
        group.warm_up_time(Duration::from_millis(200));
        group.measurement_time(Duration::from_secs(1));
        for size in SIZES {
            for waiting in WAITING {
                let source = NativeText::source(&"x".repeat(size));
                let name = format!("{size}B");
                group.throughput(Throughput::Elements((subscribers * waiting) as u64));
                group.bench_function(BenchmarkId::new(name, waiting), |bencher| {
                    bencher.iter_custom(|rounds| {
                        (0..rounds)
                            .map(|_| bench.round_of_hub(&source, waiting))
                            .sum()
                    });
                });
            }
        }
        group.finish();
    }
}

fn main() {
    if receivers::run_as_receiver() {
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    fanout(&mut criterion);
    criterion.final_summary();
}
