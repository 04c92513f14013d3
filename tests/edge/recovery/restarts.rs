//! The binary restarts: with a history file, clients recover what they missed; after a crash, they
//! are told that they cannot.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Binary, Client, EventSource, Folder, Position, subscribe_with};

/// Publishes `{"message": …}` and returns the answer.
async fn publish(edge: &Binary, event: Value) -> Value {
    let answer = edge.http("POST", "/api/events", Some(&event)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

pub(super) async fn publish_to(edge: &Binary, channel: &str, message: u64) {
    let event = json!({"channel": channel, "data": {"message": message.to_string()}});
    publish(edge, event).await;
}

/// Stops the binary gracefully, and expects that it succeeds. Returns what it logged.
pub(super) async fn stop(mut edge: Binary) -> String {
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
    edge.stderr()
}

async fn kill(mut edge: Binary) {
    edge.signal(Signal::KILL);
    edge.expect_killed().await;
}

/// Starts the binary with a history file, and the log on standard error.
pub(super) async fn start(file: &str, more: &[&str]) -> Binary {
    let arguments = ["--listen", "127.0.0.1:0", "--history-file", file];
    Binary::start_as_given(&[&arguments, more].concat(), &[]).await
}

pub(super) async fn resume(client: &mut Client, channel: &str, position: &Position) -> Value {
    subscribe_with(client, channel, json!({"since": position.since()})).await
}

async fn expect_messages(client: &mut Client, offsets: std::ops::RangeInclusive<u64>) {
    for offset in offsets {
        let event = client.next_json().await;
        assert_eq!(event["offset"], offset, "{event}");
        assert_eq!(event["data"]["message"], offset.to_string(), "{event}");
    }
}

/// Connects, and subscribes with positions.
pub(super) async fn reader(edge: &Binary, channel: &str) -> (Client, Position) {
    let mut client = edge.connect().await;
    let answer = subscribe_with(&mut client, channel, json!({"positions": true})).await;
    (client, Position::of(&answer))
}

#[tokio::test]
async fn clients_recover_over_a_restart_what_they_missed() {
    let folder = Folder::new();
    let file = folder.file("history");
    let edge = start(&file, &[]).await;
    publish_to(&edge, "news", 1).await;
    let (_news, position) = reader(&edge, "news").await;
    let (_quiet, quiet) = reader(&edge, "quiet").await;
    for message in 2..=3 {
        publish_to(&edge, "news", message).await;
    }
    let log = stop(edge).await;
    assert!(
        log.contains("histories saved") && log.contains("topics=1 publications=3"),
        "{log}"
    );
    assert_eq!(folder.names(), ["history", "history.owner"]);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let edge = start(&file, &[]).await;
    // It was removed before the first connection was accepted.
    assert_eq!(folder.names(), ["history.owner"]);
    let mut client = edge.connect().await;
    let answer = resume(&mut client, "news", &position).await;
    assert_eq!(
        (&answer["recovered"], &answer["replayed"]),
        (&json!(true), &json!(2)),
        "{answer}"
    );
    assert_eq!(Position::of(&answer), position.at(3));
    expect_messages(&mut client, 2..=3).await;
    // The numbers go on.
    publish_to(&edge, "news", 4).await;
    expect_messages(&mut client, 4..=4).await;
    // Nothing was ever published here, and nothing is missing.
    let answer = resume(&mut client, "quiet", &quiet).await;
    assert_eq!(answer["recovered"], true, "{answer}");
    publish_to(&edge, "quiet", 1).await;
    expect_messages(&mut client, 1..=1).await;

    // Once more, from the middle of what was restored.
    let log = stop(edge).await;
    assert!(log.contains("topics=2 publications=5"), "{log}");
    let edge = start(&file, &[]).await;
    let mut client = edge.connect().await;
    let answer = resume(&mut client, "news", &position.at(2)).await;
    assert_eq!(answer["replayed"], 2, "{answer}");
    expect_messages(&mut client, 3..=4).await;
    let answer = resume(&mut client, "quiet", &quiet).await;
    assert_eq!(answer["replayed"], 1, "{answer}");
}

#[tokio::test]
async fn event_streams_recover_over_a_restart() {
    let folder = Folder::new();
    let file = folder.file("history");
    let edge = start(&file, &[]).await;
    let mut source = EventSource::subscribe(edge.address, &["a", "b"]).await;
    publish_to(&edge, "a", 1).await;
    source.next_json().await;
    let id = source.last_id.clone().expect("an id");
    drop(source);
    publish_to(&edge, "a", 2).await;
    publish_to(&edge, "b", 1).await;
    stop(edge).await;
    let edge = start(&file, &[]).await;
    let mut source = EventSource::resume(edge.address, &["a", "b"], &id).await;
    let mut events = Vec::new();
    while events.len() < 2 {
        let next = source.next_json().await;
        if next["type"] == "subscribed" {
            assert_eq!(
                (&next["recovered"], &next["replayed"]),
                (&json!(true), &json!(1)),
                "{next}"
            );
        } else {
            events.push((next["channel"].clone(), next["offset"].clone()));
        }
    }
    events.sort_by_key(|(channel, _)| channel.to_string());
    assert_eq!(events, [(json!("a"), json!(2)), (json!("b"), json!(1))]);
}

#[tokio::test]
async fn rooms_recover_over_a_restart_if_they_keep_a_history() {
    let folder = Folder::new();
    let file = folder.file("history");
    let edge = start(&file, &["--history", "10", "--dev"]).await;
    let mut anna = Client::connect(edge.address, "/ws?user=anna").await;
    anna.join("general", 1).await;
    let mut ben = edge.connect().await;
    ben.send_text(r#"{"type":"join","room":"general","positions":true}"#)
        .await;
    let position = Position::of(&ben.next_json().await);
    ben.hang_up().await;
    anna.next_json().await;
    anna.next_json().await;
    anna.send_text(r#"{"type":"message","room":"general","content":{"a": 1.0},"id":1}"#)
        .await;
    anna.expect_json(json!({"type": "sent", "room": "general", "offset": 1, "id": 1}))
        .await;
    stop(edge).await;
    let edge = start(&file, &["--history", "10"]).await;
    let mut ben = edge.connect().await;
    let command = json!({"type": "join", "room": "general", "since": position.since()});
    ben.send_text(&command.to_string()).await;
    let joined = ben.next_json().await;
    assert_eq!(joined["recovered"], true, "{joined}");
    ben.expect_text(
        r#"{"type":"message","room":"general","from":"anna","content":{"a": 1.0},"offset":1}"#,
    )
    .await;
}

#[tokio::test]
async fn an_idempotency_key_is_remembered_over_a_restart() {
    let folder = Folder::new();
    let file = folder.file("history");
    let edge = start(&file, &[]).await;
    let event = json!({"channel": "orders", "id": "order-17", "data": {"n": 1}});
    let first = publish(&edge, event.clone()).await;
    stop(edge).await;
    let edge = start(&file, &[]).await;
    assert_eq!(publish(&edge, event).await, first);
    let page = edge.http("GET", "/api/channels/orders/history", None).await;
    assert_eq!(page.json()["offset"], 1, "{}", page.body);
}

#[tokio::test]
async fn after_a_crash_clients_are_told_that_they_cannot_recover() {
    let folder = Folder::new();
    let file = folder.file("history");
    let edge = start(&file, &[]).await;
    publish_to(&edge, "news", 1).await;
    let (_client, first) = reader(&edge, "news").await;
    kill(edge).await;

    let edge = start(&file, &[]).await;
    let mut client = edge.connect().await;
    let answer = resume(&mut client, "news", &first).await;
    assert_eq!(answer["reason"], "epoch_changed", "{answer}");
    let second = Position::of(&answer);
    publish_to(&edge, "news", 1).await;
    stop(edge).await;
    // What this one restores, it does not leave for the next one, which would use the same numbers
    // a second time.
    let edge = start(&file, &[]).await;
    let mut client = edge.connect().await;
    let answer = resume(&mut client, "news", &second).await;
    assert_eq!(answer["recovered"], true, "{answer}");
    publish_to(&edge, "news", 2).await;
    kill(edge).await;
    let edge = start(&file, &[]).await;
    let mut client = edge.connect().await;
    let answer = resume(&mut client, "news", &second).await;
    assert_eq!(
        (&answer["recovered"], &answer["reason"]),
        (&json!(false), &json!("epoch_changed")),
        "{answer}"
    );
}

#[tokio::test]
async fn a_damaged_file_is_reported_and_left_aside_and_the_server_works() {
    let folder = Folder::new();
    let file = folder.file("history");
    let edge = start(&file, &[]).await;
    publish_to(&edge, "news", 1).await;
    let (_client, position) = reader(&edge, "news").await;
    stop(edge).await;
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&file, &bytes).unwrap();

    let edge = start(&file, &[]).await;
    assert_eq!(folder.names(), ["history.owner", "history.rejected"]);
    assert_eq!(fs::read(folder.file("history.rejected")).unwrap(), bytes);
    let mut client = edge.connect().await;
    let answer = resume(&mut client, "news", &position).await;
    assert_eq!(answer["reason"], "epoch_changed", "{answer}");
    publish_to(&edge, "news", 1).await;
    let log = stop(edge).await;
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    let [error] = errors[..] else {
        panic!("{log}");
    };
    assert!(
        error.contains("all histories begin anew")
            && error.contains("it is damaged after")
            && error.contains("history.rejected"),
        "{error}"
    );
    assert_eq!(
        folder.names(),
        ["history", "history.owner", "history.rejected"]
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_reported_and_the_exit_code_is_zero() {
    // As on a full disk.
    let folder = Folder::new();
    let file = folder.file("history");
    let arguments = ["--listen", "127.0.0.1:0", "--history-file", &file];
    let edge = Binary::start_with_file_size(8, &arguments).await;
    for number in 0..4 {
        let event = json!({"channel": "news", "data": {"n": number, "x": "x".repeat(10_000)}});
        publish(&edge, event).await;
    }
    let log = stop(edge).await;
    assert!(
        log.contains("histories not saved") && log.contains("cannot write the history file"),
        "{log}"
    );
    assert_eq!(folder.names(), ["history.owner"], "nothing half written");

    // Without time.
    let edge = start(&file, &["--drain-timeout", "0s"]).await;
    publish_to(&edge, "news", 1).await;
    let log = stop(edge).await;
    assert!(log.contains("the drain timeout passed"), "{log}");
    assert_eq!(folder.names(), ["history.owner"]);

    // The folder is removed while the server runs.
    let edge = start(&file, &[]).await;
    publish_to(&edge, "news", 1).await;
    folder.remove();
    let log = stop(edge).await;
    assert!(log.contains("histories not saved"), "{log}");
}

/// Every shutdown would lose all histories.
#[tokio::test]
async fn without_a_folder_for_the_history_file_the_server_does_not_start() {
    let folder = Folder::new();
    std::fs::write(folder.file("a-file"), "").expect("write");
    for file in [
        folder.file("missing/history"),
        folder.file("a-file/history"),
    ] {
        let arguments = ["--listen", "127.0.0.1:0", "--history-file", &file];
        let output = crate::support::run(&arguments).await;
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8_lossy(&output.stderr);
        let expected =
            format!("error: cannot save histories to {file}: its folder does not exist\n");
        assert!(error.ends_with(&expected), "{error}");
    }
}

#[tokio::test]
async fn a_start_that_fails_leaves_the_file_for_the_next() {
    let folder = Folder::new();
    let file = folder.file("history");
    let edge = start(&file, &[]).await;
    publish_to(&edge, "news", 1).await;
    stop(edge).await;
    let other = Binary::start(&[]).await;
    let taken = other.address.to_string();
    let output = crate::support::run(&["--listen", &taken, "--history-file", &file]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(folder.names(), ["history", "history.owner"]);
}

#[tokio::test]
async fn a_browser_that_reconnects_gets_what_it_missed_without_any_flag() {
    let edge = Binary::start(&[]).await;
    let mut source = EventSource::subscribe(edge.address, &["news"]).await;
    publish_to(&edge, "news", 1).await;
    source.next_json().await;
    let id = source.last_id.clone().expect("an id");
    drop(source);
    publish_to(&edge, "news", 2).await;
    let mut source = EventSource::resume(edge.address, &["news"], &id).await;
    let answer = source.next_json().await;
    assert_eq!(answer["recovered"], true, "{answer}");
    assert_eq!(source.next_json().await["offset"], 2);
    // Clients fill rooms, so these keep nothing unless they are told to.
    let mut client = edge.connect().await;
    client
        .ask(
            r#"{"type":"join","room":"general","last":1}"#,
            r#"{"type":"joined","room":"general","members":1}"#,
        )
        .await;
    // 100 publications are kept.
    for message in 3..=103 {
        publish_to(&edge, "news", message).await;
    }
    let page = edge.http("GET", "/api/channels/news/history?limit=1000", None);
    let page = page.await.json();
    assert_eq!(page["items"].as_array().expect("a list").len(), 100);

    let edge = Binary::start(&["--history", "0"]).await;
    let page = edge.http("GET", "/api/channels/news/history", None).await;
    page.expect_problem(409, "no_history");
    let edge = Binary::start(&["--history", "3"]).await;
    let page = edge.http("GET", "/api/rooms/general/history", None).await;
    assert_eq!(page.status, 200, "{}", page.body);
}
