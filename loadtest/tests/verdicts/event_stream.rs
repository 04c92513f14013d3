//! A hub that sends server-sent events, as Mercure does.

use crate::support::{failed_checks, text};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The streams of a topic.
type Topics = Arc<Mutex<HashMap<String, Vec<TcpStream>>>>;

/// Starts the hub. It skips every delivery whose number is a multiple of `skips`, if that is not 0. Its threads end with
/// their connections.
fn start(skips: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    let topics = Topics::default();
    let sent = Arc::new(Mutex::new(0));
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let (topics, sent) = (Arc::clone(&topics), Arc::clone(&sent));
            std::thread::spawn(move || serve(stream, &topics, &sent, skips));
        }
    });
    addr
}

fn serve(mut stream: TcpStream, topics: &Topics, sent: &Mutex<usize>, skips: usize) -> Option<()> {
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .ok()?;
    stream.set_nodelay(true).ok()?;
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
                break String::from_utf8_lossy(&bytes[..end + 4]).into_owned();
            }
            let length = stream.read(&mut chunk).ok().filter(|length| *length > 0)?;
            bytes.extend_from_slice(&chunk[..length]);
        };
        bytes.drain(..head.len());
        if let Some(rest) = head.strip_prefix("GET /hub?topic=") {
            let topic = rest.split(' ').next()?.to_owned();
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n: hi!\n\n\r\n";
            stream.write_all(answer.as_bytes()).ok()?;
            topics.lock().ok()?.entry(topic).or_default().push(stream);
            return Some(());
        }
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))?;
        let length: usize = length.parse().ok()?;
        while bytes.len() < length {
            let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
            bytes.extend_from_slice(&chunk[..read]);
        }
        let body = String::from_utf8_lossy(&bytes[..length]).into_owned();
        bytes.drain(..length);
        let (topic, data) = body.strip_prefix("topic=")?.split_once("&data=")?;
        let event = format!("data: {}\n\n", decoded(data));
        for other in topics.lock().ok()?.get_mut(topic).into_iter().flatten() {
            let mut sent = sent.lock().ok()?;
            *sent += 1;
            if skips == 0 || !sent.is_multiple_of(skips) {
                // In two chunks, as a proxy may send it.
                let (first, second) = event.split_at(event.len() / 2);
                let chunks = format!(
                    "{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n",
                    first.len(),
                    second.len()
                );
                let _ = other.write_all(chunks.as_bytes());
            }
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .ok()?;
    }
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = u8::from_str_radix(&part[..2], 16).expect("two digits");
        out.push(char::from(code));
        out.push_str(&part[2..]);
    }
    out
}

#[test]
fn keeps_exact_books_of_event_streams() {
    for (skips, failed) in [(0, &[][..]), (100, &["loss.silent==0"][..])] {
        let addr = start(skips);
        let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .args([
                "run", "smoke", "--target", "mercure", "--token", "jwt", "-c", "50", "-C", "5",
            ])
            .args([
                "-r",
                "100/s",
                "-d",
                "1s",
                "--drain",
                "1s",
                "--allow-taint",
                "--server-pid",
                "none",
            ])
            .args(["-u", &format!("http://{addr}/hub?topic={{{{channel}}}}")])
            .output()
            .expect("loadtest runs");
        let all = text(&output);
        assert_eq!(failed_checks(&all), failed, "{all}");
        let (received, lost) = if skips == 0 {
            ("1,000", 0)
        } else {
            ("990", 10)
        };
        assert!(
            all.contains(&format!("{received} of 1,000 expected")),
            "{all}"
        );
        assert!(all.contains(&format!("silent loss {lost} ")), "{all}");
        assert!(all.contains("  off   connect.ready "), "{all}");
    }
}
