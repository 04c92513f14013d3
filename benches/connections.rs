//! The cost of a connection, for a WebSocket and for an event stream: CPU time to open and
//! subscribe it, and memory while it is idle.
//!
//! Runs the `wavecast` binary as a separate process and reads its figures from `/proc`.
//! `cargo bench --bench connections` prints one table. To set the number of connections, pass it
//! after `--` (`cargo bench --bench connections -- 2000`).

#![allow(missing_docs, reason = "a benchmark is a program")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

const CONNECTIONS: usize = 10_000;
/// Connections per source address.
const PER_SOURCE: usize = 10_000;
const BROADCASTS: usize = 10;
/// Ticks per second in `/proc/PID/stat`, which Linux fixes at 100 for user space.
const TICKS_PER_SECOND: f64 = 100.0;
const READ_TIMEOUT: Duration = Duration::from_secs(10);

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wavecast"))
            .args(["--listen", "127.0.0.1:0", "--log", "error"])
            // These clients do not answer pings.
            .args(["--ping-interval", "1h", "--pong-timeout", "2h"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a greeting");
        let address = line.trim().rsplit("http://").next().expect("an address");
        let address = address.parse().expect("an address");
        Self { child, address }
    }

    fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a living server");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.and_then(|kib| kib.parse::<u64>().ok()).expect("VmRSS") * 1024
    }

    fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("a living server");
        // The name in parentheses may contain spaces, so fields are counted after it.
        let fields = stat.rsplit(')').next().expect("fields").split_whitespace();
        let ticks: Vec<f64> = fields
            .skip(11)
            .take(2)
            .map(|field| field.parse().expect("ticks"))
            .collect();
        ticks.iter().sum::<f64>() / TICKS_PER_SECOND
    }

    fn connect(&self, index: usize) -> TcpStream {
        let source = 2 + u8::try_from(index / PER_SOURCE).expect("few sources");
        let source = SocketAddr::from((Ipv4Addr::new(127, 0, 0, source), 0));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).expect("socket");
        socket.bind(&source.into()).expect("a source address");
        socket.connect(&self.address.into()).expect("the server");
        let stream = TcpStream::from(socket);
        stream
            .set_read_timeout(Some(READ_TIMEOUT))
            .expect("a deadline");
        stream
    }

    fn publish(&self) {
        let body = r#"{"channel":"bench","data":{"message":"to all of them"}}"#;
        let mut stream = TcpStream::connect(self.address).expect("the server");
        write!(
            stream,
            "POST /api/events HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("the server");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Upgrades and subscribes, with one write each, and reads both responses.
fn subscribe(stream: &mut TcpStream) {
    let handshake = b"GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(handshake).expect("the server");
    read_until(stream, b"\r\n\r\n", 1);
    let command = br#"{"type":"subscribe","channel":"bench"}"#;
    // Masked with zeros, so the payload stays as it is.
    let mut frame = vec![0x81, 0x80 | u8::try_from(command.len()).expect("short")];
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(command);
    stream.write_all(&frame).expect("the server");
    read_until(stream, b"}", 1);
}

/// Opens an event stream for the same channel.
fn stream(stream: &mut TcpStream) {
    let request = b"GET /sse?channel=bench HTTP/1.1\r\nHost: bench\r\n\r\n";
    stream.write_all(request).expect("the server");
    read_until(stream, b"\"subscribed\"", 1);
}

/// Reads until `end` has occurred `times` times.
fn read_until(stream: &mut TcpStream, end: &[u8], times: usize) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while bytes.windows(end.len()).filter(|part| *part == end).count() < times {
        let count = stream.read(&mut chunk).expect("an answer in time");
        assert!(count > 0, "the server closed the connection");
        bytes.extend_from_slice(&chunk[..count]);
    }
}

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse().ok());
    let count: usize = count.unwrap_or(CONNECTIONS);
    println!("{count} connections, one subscription each");
    println!("| | CPU to open and subscribe | resident, idle | after {BROADCASTS} broadcasts |");
    println!("|---|---|---|---|");
    measure("WebSocket", count, subscribe);
    measure("event stream", count, stream);
}

fn measure(name: &str, count: usize, open: fn(&mut TcpStream)) {
    let server = Server::start();
    // The first connections pay for one-time allocations.
    let mut streams: Vec<TcpStream> = (0..50).map(|index| server.connect(index)).collect();
    streams.iter_mut().for_each(open);
    let (memory, cpu) = (server.resident_bytes(), server.cpu_seconds());
    for index in 0..count {
        let mut stream = server.connect(index);
        open(&mut stream);
        streams.push(stream);
    }
    let opened = server.cpu_seconds() - cpu;
    let idle = server.resident_bytes() - memory;
    for _ in 0..BROADCASTS {
        server.publish();
    }
    for stream in &mut streams {
        read_until(stream, b"}}", BROADCASTS);
    }
    let after = server.resident_bytes() - memory;
    let per_connection = |total: u64| total / count as u64;
    println!(
        "| {name} | {:.1} µs | {} bytes | {} bytes |",
        opened / count as f64 * 1e6,
        per_connection(idle),
        per_connection(after)
    );
}
