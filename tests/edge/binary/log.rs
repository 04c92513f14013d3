//! What the log says: the limits that were found, being full, and how each connection ended.

use rustix::process::Signal;
use serde_json::json;

use crate::support::{
    Binary, CLOSE, Client, EventSource, TEXT, frame, frame_head, unmasked_frame, within_a_minute,
};

const DEBUG: [&str; 5] = ["--listen", "0", "--dev", "--log", "wavecast=debug"];

async fn start(arguments: &[&str]) -> Binary {
    Binary::start_as_given(&[&DEBUG, arguments].concat(), &[]).await
}

async fn connect(edge: &Binary, user: &str) -> Client {
    Client::connect(edge.address, &format!("/ws?user={user}")).await
}

/// Shuts the server down and returns its log.
async fn log_of(mut edge: Binary) -> String {
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
    edge.stderr()
}

/// The line that has both of these.
fn line_with<'a>(log: &'a str, one: &str, other: &str) -> &'a str {
    let mut lines = log.lines();
    let found = lines.find(|line| line.contains(one) && line.contains(other));
    found.unwrap_or_else(|| panic!("no line has {one} and {other}: {log}"))
}

/// What the log says of the end of this user's connection.
fn end_of<'a>(log: &'a str, user: &str) -> &'a str {
    let connected = line_with(log, " connected ", &format!(r#"user=Some("{user}")"#));
    let mut words = connected.split(' ');
    let client = words.find(|word| word.starts_with("client="));
    let client = client.expect("the client's id");
    let line = line_with(log, " disconnected ", client);
    let (_, end) = line.split_once(client).expect("the same id");
    end.trim_start()
}

#[tokio::test]
async fn the_end_of_each_connection_is_logged_with_its_code() {
    let mut edge = start(&["--max-message-size", "100B"]).await;
    for (user, bytes, code) in [
        ("own", frame(CLOSE, b"\x0b\xb9"), 3001),
        ("codeless", frame(CLOSE, b""), 1000),
        ("unmasked", unmasked_frame(TEXT, b"{}"), 1002),
        ("garbled", frame(TEXT, b"\xff"), 1007),
        ("large", frame_head(TEXT, 1 << 20), 1009),
    ] {
        let mut client = connect(&edge, user).await;
        client.send(&bytes).await;
        client.expect_close(code).await;
    }
    connect(&edge, "silent").await.hang_up().await;
    let mut last = connect(&edge, "last").await;
    let mut stream = EventSource::open(edge.address, "/sse?channel=a&user=stream").await;
    stream.expect_subscribed(&["a"]).await;

    edge.signal(Signal::TERM);
    assert_eq!(last.next_json().await["event"], "shutdown");
    last.expect_close(1001).await;
    assert_eq!(stream.next_json().await["event"], "shutdown");
    stream.expect_close(1001).await;
    drop((last, stream));
    assert_eq!(edge.exit_code().await, 0);
    let log = edge.stderr();
    for (user, end) in [
        ("own", "code=3001"),
        ("codeless", "code=1000"),
        ("unmasked", "code=1002"),
        ("garbled", "code=1007"),
        ("large", "code=1009"),
        ("silent", ""),
        ("last", "code=1001"),
        ("stream", "code=1001"),
    ] {
        assert_eq!(end_of(&log, user), end, "{user}: {log}");
    }
}

#[tokio::test]
async fn a_heartbeat_timeout_is_logged_with_its_code() {
    let edge = start(&["--ping-interval", "100ms", "--pong-timeout", "1s"]).await;
    let mut client = connect(&edge, "silent").await;
    client.expect_close(4001).await;
    drop(client);
    let log = log_of(edge).await;
    assert_eq!(end_of(&log, "silent"), "code=4001", "{log}");
}

#[tokio::test]
async fn an_eviction_is_logged_with_its_code() {
    let edge = start(&["--outbox-messages", "16"]).await;
    let mut slow = Client::connect_with_small_buffer(edge.address).await;
    slow.subscribe("news").await;
    let event = json!({"channel": "news", "data": "x".repeat(20_000)});
    within_a_minute("an eviction", async {
        loop {
            let published = edge.http("POST", "/api/events", Some(&event)).await;
            if published.json()["subscribers"] == 0 {
                break;
            }
        }
    })
    .await;
    drop(slow);
    let log = log_of(edge).await;
    line_with(&log, " disconnected ", " code=1013");
}

#[tokio::test]
async fn the_start_is_logged_with_the_limits() {
    let arguments = ["--listen", "0", "--log", "info", "--max-http", "5"];
    let given = [&arguments[..], &["--max-connections", "7"]].concat();
    let mut edge = Binary::start_as_given(&given, &[("TOKIO_WORKER_THREADS", "3")]).await;
    let line = edge.log_line(" started ").await;
    let version = env!("CARGO_PKG_VERSION");
    let expected =
        format!(r#" started version="{version}" workers=3 max_connections=7 max_http=5"#);
    assert!(line.ends_with(&expected), "{line}");

    let mut edge = Binary::start_as_given_with_descriptors(1000, &arguments).await;
    let line = edge.log_line(" started ").await;
    // Less the reserve: 64, and 1 %.
    assert!(line.contains(" max_connections=926 "), "{line}");
}

#[tokio::test]
async fn being_full_and_having_room_again_is_logged() {
    let arguments = ["--listen", "0", "--log", "info", "--max-connections", "1"];
    let mut edge = Binary::start_as_given(&arguments, &[]).await;
    let client = edge.connect().await;
    let line = edge.log_line("full: new connections are refused").await;
    assert!(line.contains(" WARN "), "{line}");
    assert!(line.ends_with(" connections=1 max=1"), "{line}");
    client.close().await;
    let line = edge.log_line("room for new connections again").await;
    assert!(line.ends_with(" connections=0 max=1"), "{line}");
}
