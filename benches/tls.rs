//! What TLS costs: memory of an idle connection, CPU time of a delivery, and what many handshakes do
//! to the latency of messages.
//!
//! Runs the `wavecast` binary as a separate process, with and without TLS, and reads its figures from
//! `/proc`. `cargo bench --bench tls` prints one table. To set the number of idle connections, pass
//! it after `--` (`cargo bench --bench tls -- 2000`).

#![allow(missing_docs, reason = "a benchmark is a program")]
#![allow(clippy::disallowed_methods, reason = "its threads are its own")]

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const IDLE: usize = 3_000;
const WARM: usize = 500;
const SUBSCRIBERS: usize = 1_000;
/// Together with the rest of a message, its frame has about 128 bytes.
const PAYLOAD: &str = "0123456";
const ROUNDS: usize = 5;
const PUBLICATIONS: usize = 200;
/// Longer than a publication takes to all subscribers.
const UNTIL_WRITTEN: Duration = Duration::from_millis(10);
const LISTENERS: usize = 100;
const HANDSHAKES_PER_SECOND: u32 = 500;
const TICKS_PER_SECOND: f64 = 100.0;

struct Server {
    child: Child,
    address: SocketAddr,
    api: SocketAddr,
    client: Option<Arc<ClientConfig>>,
}

/// A certificate for `localhost`, as files.
struct Own {
    folder: PathBuf,
    client: Arc<ClientConfig>,
}

impl Own {
    fn new() -> Self {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let own = own.expect("a certificate");
        let folder = std::env::temp_dir().join(format!("wavecast-bench-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("cert.pem"), own.cert.pem()).expect("a file");
        fs::write(folder.join("key.pem"), own.signing_key.serialize_pem()).expect("a file");
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).expect("it is valid");
        // As browsers prefer it.
        let provider = CryptoProvider {
            cipher_suites: vec![TLS13_AES_128_GCM_SHA256],
            ..default_provider()
        };
        let client = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("there are some")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Arc::new(client);
        Self { folder, client }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    fn start(tls: Option<&Own>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wavecast"));
        command
            .args([
                "--listen",
                "127.0.0.1:0",
                "--internal-listen",
                "127.0.0.1:0",
            ])
            .args(["--log", "error", "--page", "off", "--max-http", "20000"])
            // These clients do not answer pings.
            .args(["--ping-interval", "1h", "--pong-timeout", "2h"]);
        if let Some(own) = tls {
            command.arg("--tls-cert").arg(own.folder.join("cert.pem"));
            command.arg("--tls-key").arg(own.folder.join("key.pem"));
        }
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut greeting = String::new();
        while !greeting.contains("-d '") {
            assert!(output.read_line(&mut greeting).expect("a greeting") > 0);
        }
        let mut addresses = greeting.split("://").skip(1).map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit() && !".:".contains(c));
            rest[..end.unwrap_or(rest.len())]
                .parse()
                .expect("an address")
        });
        let (address, api) = (addresses.next(), addresses.next());
        Self {
            child,
            address: address.expect("an address"),
            api: api.expect("an address of the API"),
            client: tls.map(|own| own.client.clone()),
        }
    }

    fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a living server");
        let line = status.lines().find(|line| line.starts_with(field));
        let value = line.and_then(|line| line.split_whitespace().nth(1));
        value
            .and_then(|value| value.parse().ok())
            .expect("a figure")
    }

    fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("a living server");
        // The name in parentheses may contain spaces, so fields are counted after it.
        let fields = stat.rsplit(')').next().expect("fields").split_whitespace();
        let ticks = fields.skip(11).take(2).map(str::parse::<f64>);
        ticks.map(|ticks| ticks.expect("ticks")).sum::<f64>() / TICKS_PER_SECOND
    }

    /// A subscriber after its handshakes. What follows is only counted, not decrypted.
    fn subscribe(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server");
        stream.set_nodelay(true).expect("an option");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("an option");
        match &self.client {
            None => upgrade(stream),
            Some(config) => {
                let name = ServerName::try_from("localhost").expect("a name");
                let session = ClientConnection::new(config.clone(), name).expect("a client");
                upgrade(StreamOwned::new(session, stream)).sock
            }
        }
    }

    fn shake_hands(&self) {
        let config = self.client.as_ref().expect("TLS");
        let name = ServerName::try_from("localhost").expect("a name");
        let mut session = ClientConnection::new(config.clone(), name).expect("a client");
        let mut stream = TcpStream::connect(self.address).expect("the server");
        while session.is_handshaking() {
            session.complete_io(&mut stream).expect("a handshake");
        }
    }

    fn publisher(&self) -> impl FnMut() {
        let mut stream = TcpStream::connect(self.api).expect("the server");
        stream.set_nodelay(true).expect("an option");
        let body = format!(r#"{{"channel":"b","data":{{"m":"{PAYLOAD}"}}}}"#);
        let request = format!(
            "POST /api/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        move || {
            stream.write_all(request.as_bytes()).expect("the server");
            read_until(&mut stream, b"}");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn upgrade<S: Read + Write>(mut stream: S) -> S {
    let handshake = b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(handshake).expect("the server");
    stream.flush().expect("the server");
    read_until(&mut stream, b"\r\n\r\n");
    let command = br#"{"type":"subscribe","channel":"b"}"#;
    // Masked with zeros, so the payload stays as it is.
    let mut frame = vec![0x81, 0x80 | u8::try_from(command.len()).expect("short")];
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(command);
    stream.write_all(&frame).expect("the server");
    stream.flush().expect("the server");
    read_until(&mut stream, b"}");
    stream
}

fn read_until(stream: &mut impl Read, end: &[u8]) {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    while !bytes.windows(end.len()).any(|part| part == end) {
        let count = stream.read(&mut chunk).expect("an answer in time");
        assert!(count > 0, "the server closed the connection");
        bytes.extend_from_slice(&chunk[..count]);
    }
}

/// Bytes of memory for an idle connection.
fn idle_bytes(server: &Server, count: usize) -> f64 {
    let mut streams: Vec<_> = (0..WARM).map(|_| server.subscribe()).collect();
    thread::sleep(Duration::from_secs(2));
    let before = server.status("VmRSS:");
    streams.extend((0..count).map(|_| server.subscribe()));
    thread::sleep(Duration::from_secs(11));
    let after = server.status("VmRSS:");
    (after - before) as f64 * 1024.0 / count as f64
}

/// A server with subscribers, for the CPU time of a delivery.
struct Deliveries {
    server: Server,
    streams: Vec<TcpStream>,
}

impl Deliveries {
    fn new(server: Server) -> Self {
        let streams = (0..SUBSCRIBERS).map(|_| server.subscribe()).collect();
        Self { server, streams }
    }

    /// Microseconds of the server's CPU time per delivery, one publication at a time.
    fn round(&mut self) -> f64 {
        let mut publish = self.server.publisher();
        let before = self.server.cpu_seconds();
        for _ in 0..PUBLICATIONS {
            publish();
            // A reader that waits has to be woken, which would be counted as the server's time.
            thread::sleep(UNTIL_WRITTEN);
            for stream in &mut self.streams {
                assert!(stream.read(&mut [0; 1024]).expect("an event in time") > 0);
            }
        }
        let spent = self.server.cpu_seconds() - before;
        spent * 1e6 / (PUBLICATIONS * SUBSCRIBERS) as f64
    }
}

/// The 50th and the 99th percentile of the time from a publication to its arrival, in milliseconds.
fn latencies(server: &Server, streams: &mut [TcpStream]) -> [f64; 2] {
    let mut publish = server.publisher();
    let mut times = Vec::new();
    for _ in 0..300 {
        let start = Instant::now();
        publish();
        let mut waiting: Vec<&mut TcpStream> = streams.iter_mut().collect();
        while !waiting.is_empty() {
            waiting.retain_mut(|stream| match stream.read(&mut [0; 1024]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => true,
                read => {
                    assert!(read.expect("an event") > 0);
                    times.push(start.elapsed());
                    false
                }
            });
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(10));
    }
    times.sort();
    [50, 99].map(|percent| times[times.len() * percent / 100].as_secs_f64() * 1e3)
}

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse().ok());
    let count = count.unwrap_or(IDLE);
    let own = Own::new();
    println!("{count} idle connections, {SUBSCRIBERS} subscribers, {LISTENERS} listeners");
    let [plain, tls] = [None, Some(&own)].map(|tls| idle_bytes(&Server::start(tls), count));
    println!("resident bytes per idle connection: {plain:.0} plain, {tls:.0} TLS");

    let mut both = [None, Some(&own)].map(|tls| Deliveries::new(Server::start(tls)));
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (deliveries, rounds) in both.iter_mut().zip(&mut rounds) {
            rounds.push(deliveries.round());
        }
    }
    let [plain, tls] = rounds.map(|mut rounds| {
        rounds.sort_by(f64::total_cmp);
        rounds[ROUNDS / 2]
    });
    println!(
        "CPU per delivery: {plain:.2} µs plain, {tls:.2} µs TLS ({:+.0} %)",
        (tls / plain - 1.0) * 100.0
    );
    drop(both);

    let server = Server::start(Some(&own));
    let mut streams: Vec<_> = (0..LISTENERS).map(|_| server.subscribe()).collect();
    for stream in &streams {
        stream.set_nonblocking(true).expect("an option");
    }
    let [p50, p99] = latencies(&server, &mut streams);
    println!("fan-out, quiet: p50 {p50:.2} ms, p99 {p99:.2} ms");
    let (stop, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            let start = Instant::now();
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let due = start + Duration::from_secs(1) / HANDSHAKES_PER_SECOND * number;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                server.shake_hands();
                made.fetch_add(1, Ordering::Relaxed);
            }
        });
        let start = Instant::now();
        let [p50, p99] = latencies(&server, &mut streams);
        let rate = made.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        println!("fan-out, {rate:.0} handshakes per second: p50 {p50:.2} ms, p99 {p99:.2} ms");
    });
}
