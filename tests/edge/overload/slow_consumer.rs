//! A client that does not read costs its bound and nobody else anything.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{
    Binary, CLOSE, Client, HANDSHAKE, PING, TEXT, TestServer, config, eventually, frame,
    text_frame, within,
};

/// A client whose kernel takes little while it does not read.
pub async fn connect_narrow(address: SocketAddr) -> Client {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("set SO_RCVBUF");
    let mut client = Client::over(socket.connect(address).await.expect("connect"));
    client.send(HANDSHAKE.as_bytes()).await;
    client.expect_upgrade().await;
    client
}

/// Publishes until `slow` consumers were evicted; a healthy neighbour reads along and gets
/// everything in order. Returns how many events it took.
async fn publish_until_evicted(edge: &TestServer, healthy: &mut Client, bytes: usize) -> u64 {
    let metrics = edge.server.node().hub().metrics();
    let padding = "x".repeat(bytes);
    for number in 0..20_000 {
        let data = json!({"number": number, "padding": padding});
        edge.server.publish("news", &data).await.expect("publish");
        assert_eq!(healthy.next_json().await["data"]["number"], number);
        if metrics.slow_consumers_total.get() > 0 {
            return number + 1;
        }
    }
    panic!("nobody was evicted");
}

async fn evicts(edge: TestServer, bytes: usize) {
    let mut healthy = edge.connect().await;
    healthy.join("lobby", 1).await;
    healthy.subscribe("news").await;
    let mut slow = connect_narrow(edge.address).await;
    slow.join("lobby", 2).await;
    slow.subscribe("news").await;
    assert_eq!(healthy.next_json().await["type"], "user_joined");
    let published = publish_until_evicted(&edge, &mut healthy, bytes).await;

    let evicted = Instant::now();
    assert_eq!(healthy.next_json().await["type"], "user_left");
    assert!(evicted.elapsed() < Duration::from_millis(500), "at once");
    assert_eq!(edge.publish("news", "only one hears this").await, 1);
    healthy.next_text().await;

    // Now it reads: every frame is whole, in order, and the last says why.
    let mut number = 0;
    let reason = loop {
        let next = slow.next_frame().await;
        match next.first {
            TEXT => {
                let event: serde_json::Value = serde_json::from_slice(&next.payload).unwrap();
                assert_eq!(event["data"]["number"], number);
                number += 1;
            }
            CLOSE => break next.close().0,
            PING => {}
            other => panic!("a frame that begins with {other:#x}"),
        }
    };
    assert_eq!(reason, 1013);
    assert!(number < published, "{number} of {published}");
    slow.expect_end().await;

    let metrics = edge.server.node().hub().metrics();
    assert_eq!(metrics.slow_consumers_total.get(), 1, "counted once");
    healthy.expect_silence().await;
}

#[tokio::test]
async fn evicts_a_client_whose_outbox_is_full_of_messages() {
    let edge = TestServer::start(config(|config| {
        config.outbox_messages = 8;
        config.outbox_bytes = 64 * 1024 * 1024;
    }));
    evicts(edge.await, 20_000).await;
}

#[tokio::test]
async fn evicts_a_client_whose_outbox_is_full_of_bytes() {
    let edge = TestServer::start(config(|config| {
        config.outbox_messages = 1_000_000;
        config.outbox_bytes = 128 * 1024;
    }));
    evicts(edge.await, 20_000).await;
}

#[tokio::test]
async fn evicts_a_client_that_asks_and_never_reads() {
    let edge = TestServer::start(config(|_| {})).await;
    let mut deaf = connect_narrow(edge.address).await;
    let batch = format!("[{}]", vec![r#"{"type":"ping"}"#; 1000].join(","));
    let flood = text_frame(&batch);
    let metrics = edge.server.node().hub().metrics();
    // 8 MB of pongs are more than its kernel and its outbox take.
    for _ in 0..500 {
        if metrics.slow_consumers_total.get() > 0 {
            break;
        }
        deaf.send_unless_closed(&flood).await;
    }
    eventually("the eviction", async || {
        metrics.slow_consumers_total.get() == 1
    })
    .await;
    let hub = edge.server.node().hub();
    eventually("the end", async || hub.links() == 0).await;
}

/// Kilobytes of memory of a process: now, and at most so far.
fn memory(pid: u32) -> (usize, usize) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let kilobytes = |name: &str| -> usize {
        let line = status.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_whitespace().nth(1));
        value.and_then(|value| value.parse().ok()).expect("a size")
    };
    (kilobytes("VmRSS:"), kilobytes("VmHWM:"))
}

/// The most kilobytes of memory so far; from here on the count starts anew.
fn forget_peak(pid: u32) -> usize {
    let (_, peak) = memory(pid);
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("an own process");
    peak
}

/// Bytes in the kernel's send queue of the server's end of a connection; `None` when the
/// kernel knows no such socket.
fn send_queue(server: SocketAddr, client: SocketAddr) -> Option<usize> {
    let hex = |address: SocketAddr| match address {
        SocketAddr::V4(address) => {
            let ip = u32::from_ne_bytes(address.ip().octets());
            format!("{ip:08X}:{:04X}", address.port())
        }
        SocketAddr::V6(_) => panic!("tests speak IPv4"),
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

/// One connection for many publications.
struct Publisher {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Publisher {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("connect");
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
                self.stream.read_buf(&mut self.answer).await.expect("read");
            }
        };
        within("the answer to a publication", answered).await;
        assert!(self.answer.starts_with(b"HTTP/1.1 200 "));
    }
}

const MEBIBYTE: usize = 1024 * 1024;
/// The most the kernel may hold for a stalled client, and the most memory beside its bound.
const ALLOWANCE: usize = 256 * 1024;

#[tokio::test]
async fn a_stalled_client_costs_its_bound_and_little_more() {
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

    // While both read.
    for number in 0..100 {
        publisher.publish(&body(number)).await;
        assert!(is_event(&healthy.next_text().await, number));
        assert!(is_event(&stalled.next_text().await, number));
    }
    let control = forget_peak(edge.pid());

    // 64 MB while one does not.
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
        assert!(is_event(&next, number), "in order, without a hole");
        if gone_at.is_none() {
            if let Some(bytes) = send_queue(edge.address, stalled_end) {
                // What is gone a message later was only on its way.
                queued = queued.max(bytes.min(before));
                before = bytes;
            } else {
                gone_at = Some(Instant::now());
                peak = forget_peak(edge.pid());
            }
        }
    }
    let evicted_at = evicted_at.expect("the room was told of the eviction");
    if gone_at.is_none() {
        eventually("the kernel to forget the socket", async || {
            send_queue(edge.address, stalled_end).is_none()
        })
        .await;
        gone_at = Some(Instant::now());
        peak = forget_peak(edge.pid());
    }
    let took = gone_at.expect("it has gone") - evicted_at;
    assert!(took < Duration::from_secs(2), "{took:?}");
    let stats = edge.http("GET", "/api/stats", None).await.json();
    assert_eq!(stats["active_connections"], 1);

    let bound = MEBIBYTE + ALLOWANCE;
    // What passes through when nobody stalls, before or after, is not the stalled one's.
    let control = control.max(memory(edge.pid()).1);
    let more = peak.saturating_sub(control) * 1024;
    println!("memory +{more} bytes, kernel {queued} bytes, bound {bound}");
    assert!(
        more + queued <= bound,
        "{more} bytes more than {control} KiB, {queued} in the kernel"
    );
    drop(stalled);
}

#[tokio::test]
async fn a_ping_flood_by_a_client_that_never_reads_stays_bounded() {
    let edge = Binary::start(&[]).await;
    let mut deaf = connect_narrow(edge.address).await;
    let flood = frame(PING, &[b'p'; 125]).repeat(1000);
    deaf.send(&flood).await;
    let before = memory(edge.pid()).0;
    for _ in 0..250 {
        deaf.send(&flood).await;
    }
    let after = memory(edge.pid()).1;
    // 33 MB of pings; the same in pongs would wait.
    assert!(
        after.saturating_sub(before) < 2048,
        "{before} to {after} KiB"
    );
    let listed = edge.http("GET", "/api/connections", None).await.json();
    let queued = listed["connections"][0]["queued_bytes"].as_u64();
    // Some answers wait, not all.
    assert!(queued.expect("it is still there") < 4096, "{listed}");
}
