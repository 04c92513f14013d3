//! The memory that a client can cost when it does not read.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::support::{
    Binary, Client, PING, dial, frame, peak_kib, reset_peak, resident_kib, within, within_a_minute,
};

/// Bytes in the kernel's send queue at the server's end of a connection; `None` when there is
/// no such socket any more.
fn send_queue(server: SocketAddr, client: SocketAddr) -> Option<usize> {
    let hex = |address: SocketAddr| match address {
        SocketAddr::V4(address) => {
            let ip = u32::from_ne_bytes(address.ip().octets());
            format!("{ip:08X}:{:04X}", address.port())
        }
        SocketAddr::V6(_) => panic!("tests use IPv4"),
    };
    let ends = [hex(server), hex(client)];
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if fields.get(1..3)? != ends {
            return None;
        }
        let (queued, _) = fields.get(4)?.split_once(':')?;
        usize::from_str_radix(queued, 16).ok()
    })
}

/// A kept HTTP connection for many publications.
struct Publisher {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Publisher {
    async fn connect(address: SocketAddr) -> Self {
        let stream = dial(address).await;
        let answer = Vec::new();
        Self { stream, answer }
    }

    async fn publish(&mut self, body: &str) {
        let head = format!(
            "POST /api/events HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let answered = async {
            let request = [head.as_bytes(), body.as_bytes()].concat();
            self.stream.write_all(&request).await.expect("send");
            self.answer.clear();
            while !self.answer.ends_with(b"}") {
                let read = self.stream.read_buf(&mut self.answer).await.expect("read");
                assert_ne!(read, 0, "the connection ended");
            }
        };
        within("the answer to a publication", answered).await;
        assert!(self.answer.starts_with(b"HTTP/1.1 200 "));
    }
}

const MEBIBYTE: usize = 1024 * 1024;
/// What a stalled client may use beside its bound: buffers of the kernel, and other memory.
const ALLOWANCE: usize = 256 * 1024;

#[tokio::test]
async fn a_stalled_client_uses_its_bound_and_little_more() {
    let edge = Binary::start_to_measure(&[]).await;
    let mut healthy = edge.connect().await;
    healthy.join("lobby", 1).await;
    healthy.subscribe("news").await;
    let mut stalled = edge.connect().await;
    stalled.join("lobby", 2).await;
    stalled.subscribe("news").await;
    assert_eq!(healthy.next_json().await["type"], "user_joined");
    let stalled_end = stalled.local_addr();
    let mut publisher = Publisher::connect(edge.address).await;
    let padding = "x".repeat(64_000);
    let body = |number: usize| {
        json!({"channel": "news", "data": {"number": number, "padding": padding}}).to_string()
    };
    let is_event = |text: &str, number: usize| text.contains(&format!(r#""number":{number},"#));

    // First, both clients read.
    for number in 0..100 {
        publisher.publish(&body(number)).await;
        assert!(is_event(&healthy.next_text().await, number));
        assert!(is_event(&stalled.next_text().await, number));
    }
    let baseline = reset_peak(edge.pid());

    // 64 MB more, while one of them does not read.
    let (mut before, mut queued) = (0, 0);
    let (mut evicted_at, mut gone_at) = (None, None);
    let mut peak = 0;
    for number in 0..1000 {
        publisher.publish(&body(number)).await;
        let mut next = healthy.next_text().await;
        if next.contains(r#""type":"user_left""#) {
            evicted_at = Some(Instant::now());
            next = healthy.next_text().await;
        }
        assert!(is_event(&next, number), "in order, without a gap");
        if gone_at.is_none() {
            if let Some(bytes) = send_queue(edge.address, stalled_end) {
                // Bytes that are gone one message later were only in transit.
                queued = queued.max(bytes.min(before));
                before = bytes;
            } else {
                gone_at = Some(Instant::now());
                peak = reset_peak(edge.pid());
            }
        }
    }
    let evicted_at = evicted_at.expect("the room was told of the eviction");
    if gone_at.is_none() {
        within_a_minute("the kernel to forget the socket", async {
            while send_queue(edge.address, stalled_end).is_some() {
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        gone_at = Some(Instant::now());
        peak = reset_peak(edge.pid());
    }
    let took = gone_at.expect("the socket is gone") - evicted_at;
    // Twice the close timeout, and some time for a busy machine.
    assert!(took < Duration::from_secs(20), "{took:?}");
    let stats = edge.http("GET", "/api/stats", None).await.json();
    assert_eq!(stats["active_connections"], 1);

    let bound = MEBIBYTE + ALLOWANCE;
    // Memory that is also used when nobody stalls does not count.
    let baseline = baseline.max(peak_kib(edge.pid()));
    let more = peak.saturating_sub(baseline) * 1024;
    println!("memory +{more} bytes, kernel {queued} bytes, bound {bound}");
    assert!(
        more + queued <= bound,
        "{more} bytes more than {baseline} KiB, {queued} in the kernel"
    );
    drop(stalled);
}

#[tokio::test]
async fn a_ping_flood_from_a_client_that_never_reads_uses_bounded_memory() {
    let edge = Binary::start(&[]).await;
    let mut client = Client::connect_with_small_buffer(edge.address).await;
    let flood = frame(PING, &[b'p'; 125]).repeat(1000);
    client.send(&flood).await;
    let before = resident_kib(edge.pid());
    for _ in 0..250 {
        client.send(&flood).await;
    }
    let after = peak_kib(edge.pid());
    // 33 MB of pings were sent. If every pong were queued, they would take as much.
    assert!(
        after.saturating_sub(before) < 2048,
        "{before} to {after} KiB"
    );
    let listed = edge.http("GET", "/api/connections", None).await.json();
    let queued = listed["connections"][0]["queued_bytes"].as_u64();
    // Only the newest pongs are queued.
    assert!(queued.expect("it is still there") < 4096, "{listed}");
}
