//! The preset for Pusher servers, with a small server that speaks their protocol and checks signatures.

use crate::support::{failed_checks, side_by_side, text};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

const APP: &str = "7";
const KEY: &str = "lighthouse-key";
const SECRET: &str = "lighthouse-secret";
/// Frames that may wait for a client.
const OUTBOX: usize = 10_000;

#[derive(Default)]
struct Hub {
    channels: Mutex<HashMap<String, Vec<mpsc::Sender<String>>>>,
    deliveries: AtomicU64,
    /// Every delivery with such a number is skipped; 0 for none.
    drop_every: u64,
    pongs: AtomicU64,
}

struct PusherServer {
    addr: SocketAddr,
    hub: Arc<Hub>,
    _end: oneshot::Sender<()>,
}

impl PusherServer {
    fn start(drop_every: u64) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("it can be");
        let addr = listener.local_addr().expect("an address");
        let hub = Arc::new(Hub {
            drop_every,
            ..Hub::default()
        });
        let (end, ended) = oneshot::channel();
        let own = Arc::clone(&hub);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    _ = ended => {}
                    () = accept(&listener, &own) => {}
                }
            });
        });
        Self {
            addr,
            hub,
            _end: end,
        }
    }

    fn run(&self, args: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .args(["run", "smoke", "--target", "pusher", "-c", "50", "-C", "5"])
            .args(["-r", "100/s", "-d", "1s", "--drain", "2s", "--allow-taint"])
            .args(["--server-pid", "none", "-u"])
            .arg(format!("ws://{}/app/{{{{key}}}}?protocol=7", self.addr))
            .args(args.split_whitespace())
            .output()
            .expect("loadtest runs")
    }
}

async fn accept(listener: &TcpListener, hub: &Arc<Hub>) {
    let mut tasks = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let hub = Arc::clone(hub);
        // An error ends this connection only.
        tasks.spawn(async move { serve(stream, &hub).await });
    }
}

/// Serves requests, until one of them becomes a WebSocket.
async fn serve(mut stream: TcpStream, hub: &Hub) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    loop {
        let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            let found = lines.find(|(own, _)| own.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_owned())
        };
        if let Some(key) = header("sec-websocket-key") {
            return serve_socket(stream, hub, &target, &key).await;
        }
        let length: usize =
            header("content-length").map_or(0, |own| own.parse().expect("a length"));
        while bytes.len() < end + 4 + length {
            stream.read_buf(&mut bytes).await?;
        }
        let body = &bytes[end + 4..end + 4 + length];
        let status = if is_signed(&target, body) {
            hub.publish(body);
            "200 OK"
        } else {
            "401 Unauthorized"
        };
        bytes.drain(..end + 4 + length);
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// Whether a request is signed as the protocol says: all parameters but the signature, sorted by name.
fn is_signed(target: &str, body: &[u8]) -> bool {
    let Some((path, query)) = target.split_once('?') else {
        return false;
    };
    let (signatures, mut rest): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .partition(|part| part.starts_with("auth_signature="));
    rest.sort_unstable();
    let md5 = format!("body_md5={}", hex(&Md5::digest(body)));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length is valid");
    mac.update(format!("POST\n{path}\n{}", rest.join("&")).as_bytes());
    let signature = format!("auth_signature={}", hex(&mac.finalize().into_bytes()));
    path == format!("/apps/{APP}/events")
        && rest.contains(&format!("auth_key={KEY}").as_str())
        && rest.contains(&md5.as_str())
        && signatures == [signature.as_str()]
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl Hub {
    fn publish(&self, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).expect("a publication is JSON");
        let data = body["data"].as_str().expect("data is a string");
        for channel in body["channels"].as_array().expect("a list") {
            let event =
                json!({"event": body["name"], "channel": channel, "data": data}).to_string();
            let name = channel.as_str().expect("a name");
            let channels = self.channels.lock().expect("not poisoned");
            for client in channels.get(name).into_iter().flatten() {
                let n = self.deliveries.fetch_add(1, SeqCst) + 1;
                if self.drop_every == 0 || !n.is_multiple_of(self.drop_every) {
                    let _ = client.try_send(event.clone());
                }
            }
        }
    }

    /// Answers a message of a client.
    fn answer(&self, message: &str, client: &mpsc::Sender<String>) -> Option<String> {
        let message: Value = serde_json::from_str(message).expect("a message is JSON");
        match message["event"].as_str().expect("a name") {
            "pusher:subscribe" => {
                let channel = message["data"]["channel"].as_str().expect("a name");
                let mut channels = self.channels.lock().expect("not poisoned");
                let members = channels.entry(channel.to_owned()).or_default();
                members.push(client.clone());
                let event = "pusher_internal:subscription_succeeded";
                Some(json!({"event": event, "channel": channel, "data": "{}"}).to_string())
            }
            "pusher:ping" => Some(json!({"event": "pusher:pong", "data": "{}"}).to_string()),
            "pusher:pong" => {
                self.pongs.fetch_add(1, SeqCst);
                None
            }
            other => panic!("{other}"),
        }
    }
}

async fn serve_socket(mut stream: TcpStream, hub: &Hub, target: &str, key: &str) -> io::Result<()> {
    let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let accept = STANDARD.encode(Sha1::digest(format!("{key}{guid}")));
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    if target != format!("/app/{KEY}?protocol=7") {
        let error = r#"{"event":"pusher:error","data":{"code":4001,"message":"no such app"}}"#;
        return stream.write_all(&frame(error)).await;
    }
    let hello = r#"{"socket_id":"41.8812","activity_timeout":120}"#;
    let hello = json!({"event": "pusher:connection_established", "data": hello}).to_string();
    stream.write_all(&frame(&hello)).await?;
    let (client, mut outbox) = mpsc::channel(OUTBOX);
    let mut ping = tokio::time::interval(Duration::from_millis(300));
    let mut bytes = Vec::new();
    loop {
        while let Some(message) = next_text(&mut bytes) {
            // It goes before everything that is published from now on.
            if let Some(answer) = hub.answer(&message, &client) {
                stream.write_all(&frame(&answer)).await?;
            }
        }
        tokio::select! {
            read = stream.read_buf(&mut bytes) => if read? == 0 {
                return Ok(());
            },
            Some(event) = outbox.recv() => stream.write_all(&frame(&event)).await?,
            _ = ping.tick() => {
                stream.write_all(&frame(r#"{"event":"pusher:ping","data":"{}"}"#)).await?;
            }
        }
    }
}

fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        short @ 0..126 => frame.push(short as u8),
        long => {
            frame.push(126);
            frame.extend_from_slice(&u16::try_from(long).expect("short enough").to_be_bytes());
        }
    }
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// The next text message of a client; skips other frames. They are all shorter than 126 bytes.
fn next_text(bytes: &mut Vec<u8>) -> Option<String> {
    loop {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let length = usize::from(second & 0x7F);
        assert!(length < 126, "a message of the tester is short");
        if bytes.len() < 6 + length {
            return None;
        }
        let frame: Vec<u8> = bytes.drain(..6 + length).collect();
        if first == 0x81 {
            let unmasked = frame[6..].iter().zip(frame[2..6].iter().cycle());
            let text = unmasked.map(|(byte, mask)| byte ^ mask).collect();
            return Some(String::from_utf8(text).expect("text"));
        }
    }
}

#[test]
fn keeps_exact_books_of_a_pusher_server() {
    side_by_side([0, 100].map(|drop_every| {
        move || {
            let server = PusherServer::start(drop_every);
            let output = server.run(&format!("--token {APP}:{KEY}:{SECRET} --workers 2"));
            let all = text(&output);
            let failed: &[&str] = if drop_every > 0 {
                &["loss.silent==0"]
            } else {
                &[]
            };
            assert_eq!(failed_checks(&all), failed, "{all}");
            assert!(all.contains("of 1,000 expected"), "{all}");
            let lost = if drop_every > 0 { 10 } else { 0 };
            assert!(all.contains(&format!("silent loss {lost} ")), "{all}");
            assert!(all.contains("  off   gaps.excess==0"), "{all}");
            let pongs = server.hub.pongs.load(SeqCst);
            assert!(pongs >= 50, "pings must be answered: {pongs}");
        }
    }));
}

#[test]
fn shows_that_a_signature_or_a_key_is_wrong() {
    let server = PusherServer::start(0);
    let all = text(&server.run(&format!("--token {APP}:{KEY}:other")));
    assert!(all.contains("100 http 401"), "{all}");
    let output = server.run(&format!("--token {APP}:other:{SECRET}"));
    let all = text(&output);
    assert!(
        all.contains("50 subscribe: refused: {\"event\":\"pusher:error\""),
        "{all}"
    );
    for token in ["", "--token abc"] {
        let output = server.run(token);
        let all = text(&output);
        assert_eq!(output.status.code(), Some(2), "{all}");
        assert!(all.contains("--token must be ID:KEY:SECRET"), "{all}");
    }
}
