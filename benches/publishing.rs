//! The cost of a publication.
//!
//! Over HTTP, on a real socket and without subscribers: CPU time of the server per event, for each
//! way to publish. The server runs on one thread, whose CPU clock is read, and the publisher on
//! others.
//!
//! Then, in this process, from the request to the shard, with and without an idempotency key.
//! There is one subscriber, and it has no connection: fan-out is measured by `fanout`. Everything
//! runs on one thread, so the figures include the shard's work.
//!
//! `cargo bench --bench publishing -- http` measures only the first.

#![allow(missing_docs, reason = "a benchmark is a program")]

use std::env;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use criterion::Criterion;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::text_data;
use wavecast::http::{ServeOptions, serve};
use wavecast::hub::{Hub, HubOptions};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::{ChannelName, EventId, PublishRequest, Target};
use wavecast::{WebSocketConfig, WebSocketServer, transport};

const ROUNDS: usize = 5;
/// Events per batch, and lines per write of a stream.
const BATCH: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);

/// A way to publish over HTTP.
struct Mode {
    name: &'static str,
    /// The path that it posts to.
    path: &'static str,
    /// Requests, or lines of a stream, that are sent together.
    together: usize,
    /// Whether the next ones wait until these are answered.
    waits: bool,
    /// Events per round.
    events: usize,
    /// CPU time per event above which the figure is marked, in microseconds.
    limit: f64,
}

const EVENTS: &str = "/api/events";
const BATCHES: &str = "/api/events/batch";
const STREAM: &str = "/api/events/stream";

const MODES: [Mode; 8] = [
    Mode::new("alone", EVENTS, 1, true, 4_000, 30.0),
    Mode::new("pipelined, 16 under way", EVENTS, 16, true, 16_000, 4.0),
    Mode::new("pipelined, 64 under way", EVENTS, 64, true, 32_000, 3.0),
    Mode::new("batches of 64", BATCHES, BATCH, true, 64_000, 2.6),
    Mode::new("stream, alone", STREAM, 1, true, 4_000, 30.0),
    Mode::new("stream, 64 under way", STREAM, BATCH, true, 64_000, 2.5),
    Mode::new("stream", STREAM, BATCH, false, 128_000, 2.0),
    Mode::new(
        "stream, ?answers=errors",
        "/api/events/stream?answers=errors",
        BATCH,
        false,
        128_000,
        2.0,
    ),
];

impl Mode {
    const fn new(
        name: &'static str,
        path: &'static str,
        together: usize,
        waits: bool,
        events: usize,
        limit: f64,
    ) -> Self {
        Self {
            name,
            path,
            together,
            waits,
            events,
            limit,
        }
    }

    fn is_stream(&self) -> bool {
        self.path.starts_with(STREAM)
    }

    /// What is sent before everything else.
    fn opening(&self) -> Vec<u8> {
        if !self.is_stream() {
            return Vec::new();
        }
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n",
            self.path
        );
        head.into_bytes()
    }

    /// What is sent together.
    fn portion(&self) -> Vec<u8> {
        let data = "x".repeat(100);
        let event = format!(r#"{{"channel":"bench","data":{{"message":"{data}"}}}}"#);
        if self.is_stream() {
            let lines = format!("{event}\n").repeat(self.together);
            return format!("{:x}\r\n{lines}\r\n", lines.len()).into_bytes();
        }
        let (body, times) = if self.path == BATCHES {
            let events = vec![event; self.together].join(",");
            (format!(r#"{{"events":[{events}]}}"#), 1)
        } else {
            (event, self.together)
        };
        let length = body.len();
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}",
            self.path
        );
        request.repeat(times).into_bytes()
    }

    /// The closing braces of the answers to a portion. There are none in a head.
    fn braces(&self) -> usize {
        self.together + usize::from(self.path == BATCHES)
    }
}

/// A server on a thread of its own.
struct Server {
    address: SocketAddr,
    clock: tokio::sync::mpsc::Sender<SyncSender<Duration>>,
}

impl Server {
    fn start() -> Self {
        let (clock, mut asked) = tokio::sync::mpsc::channel::<SyncSender<Duration>>(1);
        let (started, address) = sync_channel(1);
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let server = Arc::new(WebSocketServer::new(WebSocketConfig::default()));
                let listen = "127.0.0.1:0".parse().expect("an address");
                let listener = transport::listen(listen).expect("a free port");
                let address = listener.local_addr().expect("a bound socket");
                let tasks = TaskTracker::new();
                let (router, stop) = (server.router(), CancellationToken::new());
                let options = ServeOptions::default();
                tasks.spawn(serve(listener, router, options, tasks.clone(), stop));
                started.send(address).expect("a benchmark");
                while let Some(reply) = asked.recv().await {
                    let time = clock_gettime(ClockId::ThreadCPUTime);
                    let seconds = u64::try_from(time.tv_sec).expect("a time after the start");
                    let nanoseconds = u32::try_from(time.tv_nsec).expect("nanoseconds");
                    let _ = reply.send(Duration::new(seconds, nanoseconds));
                }
            });
        });
        let address = address.recv_timeout(PATIENCE).expect("a server");
        Self { address, clock }
    }

    fn cpu_time(&self) -> Duration {
        let (reply, time) = sync_channel(1);
        self.clock.blocking_send(reply).expect("a server");
        time.recv_timeout(PATIENCE).expect("a server")
    }

    /// Publishes in this way for one round, and returns the CPU time per event, in microseconds.
    fn round(&self, mode: &Mode) -> f64 {
        let mut socket = TcpStream::connect(self.address).expect("the server");
        socket.set_nodelay(true).expect("TCP_NODELAY");
        socket.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        socket
            .set_write_timeout(Some(PATIENCE))
            .expect("a deadline");
        let portion = mode.portion();
        let portions = mode.events / mode.together;
        let start = self.cpu_time();
        socket.write_all(&mode.opening()).expect("the server");
        if mode.waits {
            for _ in 0..portions {
                socket.write_all(&portion).expect("the server");
                read_braces(&mut socket, mode.braces());
            }
        } else {
            let mut writing = socket.try_clone().expect("a socket");
            let writer = thread::spawn(move || {
                for _ in 0..portions {
                    writing.write_all(&portion).expect("the server");
                }
                writing.write_all(b"0\r\n\r\n").expect("the server");
            });
            // With `?answers=errors`, the only answer is the one with the totals.
            let answers = if mode.path == STREAM { mode.events } else { 1 };
            read_braces(&mut socket, answers);
            writer.join().expect("no panic");
        }
        let used = self.cpu_time().saturating_sub(start);
        used.as_secs_f64() * 1e6 / mode.events as f64
    }
}

/// Reads until this many closing braces have come.
fn read_braces(socket: &mut TcpStream, mut count: usize) {
    let mut buffer = vec![0; 64 * 1024];
    while count > 0 {
        let length = socket.read(&mut buffer).expect("an answer");
        assert_ne!(length, 0, "the server closed the connection");
        count -= buffer[..length].split(|&byte| byte == b'}').count() - 1;
    }
}

fn over_http() {
    let server = Server::start();
    let mut figures: Vec<Vec<f64>> = MODES.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for (mode, figures) in MODES.iter().zip(&mut figures) {
            figures.push(server.round(mode));
        }
    }
    println!("server CPU per event, median of {ROUNDS} rounds");
    for (mode, mut figures) in MODES.iter().zip(figures) {
        figures.sort_unstable_by(f64::total_cmp);
        let figure = figures[ROUNDS / 2];
        let mark = if figure > mode.limit {
            "  above the goal"
        } else {
            ""
        };
        println!("  {:<26}{figure:6.2} µs{mark}", mode.name);
    }
}

/// Publishes `count` events, each with the id that `id` returns, and returns the time taken.
fn publish(options: NodeOptions, count: u64, id: impl Fn(u64) -> Option<String>) -> Duration {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let hub = HubOptions {
            shards: 1,
            ..HubOptions::default()
        };
        let node = Node::new(
            Hub::new(&hub, Dialects::default(), &TaskTracker::new()),
            options,
        );
        let channel = ChannelName::new("bench").expect("a name");
        let client = node.client_or_detached(Uuid::now_v7());
        let client = client.expect("a client");
        let subscribed = node.subscribe(&client, &channel, None, None).await;
        subscribed.expect("subscribe");
        let data = text_data(&"x".repeat(100));
        let start = Instant::now();
        for index in 0..count {
            let request = PublishRequest {
                target: Target::Channels(vec![channel.clone()]),
                id: id(index).map(|id| EventId::new(&id).expect("an id")),
                name: None,
                data: data.clone(),
            };
            let published = node.publish(request).await.expect("publish");
            assert_eq!(published.subscribers, 1);
        }
        start.elapsed()
    })
}

fn ids(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("publish");
    let key = |index: u64| Some(format!("order-{index:026}"));
    group.bench_function("without a key", |bencher| {
        bencher.iter_custom(|count| publish(NodeOptions::default(), count, |_| None));
    });
    group.bench_function("key, deduplication off", |bencher| {
        let options = NodeOptions {
            publish_window: Duration::ZERO,
            ..NodeOptions::default()
        };
        bencher.iter_custom(|count| publish(options.clone(), count, key));
    });
    group.bench_function("key, first use", |bencher| {
        bencher.iter_custom(|count| publish(NodeOptions::default(), count, key));
    });
    group.bench_function("key, retry", |bencher| {
        let same = |_| key(0);
        bencher.iter_custom(|count| publish(NodeOptions::default(), count, same));
    });
    group.finish();
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "http") {
        return over_http();
    }
    if arguments.is_empty() || arguments == ["--bench"] {
        over_http();
    }
    let mut criterion = Criterion::default().configure_from_args();
    ids(&mut criterion);
    criterion.final_summary();
}
