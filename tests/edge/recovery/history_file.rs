//! The history file: what is restored from it, within which bounds, and when it is refused.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use wavecast::restart::{ReadError, RestoreError, RestoredHistories, SetAside, Unusable};
use wavecast::{
    BroadcastError, HistoryLimits, HistoryRequest, Json, ServerMessage, TopicKind, TopicOptions,
    TopicRules, WebSocketConfig, WebSocketServer,
};

use crate::support::{
    Folder, InTime as _, Position, TestServer, config, eventually, expect_offsets, publish,
    subscribe_with, with_history, with_history_limits, without_history,
};

/// The position of a channel's newest publication.
fn newest(server: &WebSocketServer, channel: &str) -> Position {
    let page = server.channel_history(channel, HistoryRequest::default());
    let page = page.expect("a history").to_string();
    Position::of(&serde_json::from_str(&page).expect("JSON"))
}

/// The number of publications that a channel keeps.
fn kept(server: &WebSocketServer, channel: &str) -> usize {
    let page = server.channel_history(channel, HistoryRequest::default());
    let page: serde_json::Value = page.expect("a history").decode().expect("JSON");
    page["items"].as_array().expect("a list").len()
}

async fn publish_messages(
    server: &WebSocketServer,
    channel: &str,
    offsets: std::ops::RangeInclusive<u64>,
) {
    for offset in offsets {
        publish(server, channel, &json!({"message": offset.to_string()})).await;
    }
}

async fn save(server: &WebSocketServer, file: &str) {
    let (left, saved) = server.drain_and_save(file).in_time().await;
    assert_eq!(left, 0);
    saved.expect("save");
}

async fn restore(server: &WebSocketServer, file: &str) -> RestoredHistories {
    let restored = server.restore_histories(file).in_time().await;
    restored.expect("restore").expect("a file")
}

/// Expects that the file is refused, and that nothing of it was used. Returns why.
async fn refused(server: &WebSocketServer, file: &str) -> Unusable {
    let restored = server.restore_histories(file).in_time().await;
    match restored.expect_err("refuse") {
        RestoreError::Unusable { reason, aside } => {
            let (SetAside::To(path) | SetAside::Replacing(path)) = &aside else {
                panic!("{aside}");
            };
            let moved = path.ends_with("history.rejected");
            assert!(moved, "{aside}");
            assert!(server.channel("news").is_none());
            assert_eq!(server.node().history_bytes(), 0);
            reason
        }
        other => panic!("{other}"),
    }
}

/// A file with a channel `news` that has three publications.
async fn saved_file(folder: &Folder) -> (String, Position) {
    let file = folder.file("history");
    let server = WebSocketServer::new(with_history(10));
    publish_messages(&server, "news", 1..=3).await;
    let position = newest(&server, "news");
    save(&server, &file).await;
    (file, position)
}

fn limits(change: impl FnOnce(&mut HistoryLimits)) -> WebSocketConfig {
    let mut limits = HistoryLimits::default();
    change(&mut limits);
    with_history_limits(limits)
}

#[tokio::test]
async fn every_damage_is_found_and_nothing_of_the_file_is_used() {
    let folder = Folder::new();
    let (file, _) = saved_file(&folder).await;
    let bytes = fs::read(&file).unwrap();
    let server = WebSocketServer::new(with_history(10));
    let before = newest(&server, "news");
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&file, &damaged).unwrap();
        let reason = refused(&server, &file).await;
        assert!(matches!(reason, Unusable::Unreadable(_)), "byte {at}");
        fs::write(&file, &bytes[..at]).unwrap();
        let reason = refused(&server, &file).await;
        assert!(
            matches!(reason, Unusable::Unreadable(ReadError::Truncated(_))),
            "{at} bytes: {reason}"
        );
    }
    // Not even its epochs.
    assert_eq!(newest(&server, "news"), before);
    // The file itself is fine.
    fs::write(&file, &bytes).unwrap();
    assert_eq!(restore(&server, &file).await.publications, 3);
}

#[tokio::test]
async fn what_is_no_history_file_of_this_version_is_named() {
    let folder = Folder::new();
    let file = folder.file("history");
    let server = WebSocketServer::new(config(|config| config.history.total = 128 * 1024));
    for (contents, why) in [
        (&b""[..], "it is truncated after 0 records"),
        (b"[history]\nmessages = 5\n", "it is not a history file"),
        (
            b"wavecast history 99\n",
            "its format is version 99, and this server reads version 01",
        ),
        (b"wavecast history 01\n", "it is truncated after 0 records"),
        (
            &b"x".repeat(513 * 1024),
            "its size is 525312 bytes, more than four times the limit of all histories (524288 bytes)",
        ),
    ] {
        fs::write(&file, contents).unwrap();
        assert_eq!(refused(&server, &file).await.to_string(), why);
        assert_eq!(fs::read(folder.file("history.rejected")).unwrap(), contents);
    }
    // A folder stays where it is.
    fs::create_dir(&file).unwrap();
    let error = server.restore_histories(&file).in_time().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the history file is not used: it is not a regular file; it was not touched"
    );
    assert!(fs::metadata(&file).unwrap().is_dir());
}

#[tokio::test]
async fn without_a_file_nothing_is_restored() {
    let folder = Folder::new();
    let server = WebSocketServer::new(config(|_| {}));
    let restored = server.restore_histories(folder.file("history")).in_time();
    assert_eq!(restored.await.unwrap(), None);
    let nowhere = folder.file("missing/history");
    let error = server
        .restore_histories(nowhere)
        .in_time()
        .await
        .unwrap_err();
    assert!(matches!(error, RestoreError::Folder(_)), "{error}");
}

#[tokio::test]
async fn the_bounds_of_the_new_configuration_apply() {
    let folder = Folder::new();
    let (file, position) = saved_file(&folder).await;
    let bytes = fs::read(&file).unwrap();
    // Longer ago than the clock of the file can tell.
    tokio::time::sleep(Duration::from_millis(5)).await;
    for (config, left) in [
        (limits(|limits| limits.max_messages = 2), 2),
        (limits(|limits| limits.max_messages = 100), 3),
        (limits(|limits| limits.max_age = Duration::ZERO), 0),
    ] {
        fs::write(&file, &bytes).unwrap();
        let server = WebSocketServer::new(config);
        let restored = restore(&server, &file).await;
        assert_eq!((restored.topics, restored.publications), (1, left));
        // The position goes on in any case.
        assert_eq!(newest(&server, "news"), position);
        assert_eq!(kept(&server, "news") as u64, left);
        let server = Arc::new(server);
        let server = TestServer::start_behind(server.clone(), server.router()).await;
        let mut client = server.connect().await;
        let since = json!({"since": position.at(3).since()});
        let answer = subscribe_with(&mut client, "news", since).await;
        assert_eq!(answer["recovered"], true, "{answer}");
        let since = json!({"since": position.at(2 - left.min(2)).since()});
        let answer = subscribe_with(&mut client, "news", since).await;
        let expected = if left == 3 { json!(true) } else { json!(false) };
        if left < 3 {
            assert_eq!(answer["reason"], "history_trimmed", "{answer}");
        }
        assert_eq!(answer["recovered"], expected, "{answer}");
        if left == 3 {
            expect_offsets(&mut client, 1..=3).await;
        }
        server.publish("news", "4").await;
        assert_eq!(client.next_json().await["offset"], 4);
    }
}

#[tokio::test]
async fn restored_publications_expire_at_their_own_age() {
    let folder = Folder::new();
    let published = Instant::now();
    let (file, position) = saved_file(&folder).await;
    let age = Duration::from_millis(300);
    let server = WebSocketServer::new(limits(|limits| limits.max_age = age));
    restore(&server, &file).await;
    // The sweeper drops them, though nobody publishes or reads.
    eventually("expired publications", async || {
        server.node().history_bytes() < 1024
    })
    .await;
    assert!(published.elapsed() >= age);
    assert_eq!(newest(&server, "news"), position);
}

#[tokio::test]
async fn positions_that_were_not_used_for_too_long_are_forgotten() {
    let folder = Folder::new();
    let file = folder.file("history");
    let server = WebSocketServer::new(limits(|limits| limits.max_age = Duration::ZERO));
    publish_messages(&server, "news", 1..=3).await;
    let position = newest(&server, "news");
    // Longer ago than the clock of the file can tell.
    tokio::time::sleep(Duration::from_millis(5)).await;
    save(&server, &file).await;
    let server = WebSocketServer::new(config(|config| {
        config.history.position_ttl = Duration::from_millis(1);
    }));
    let restored = restore(&server, &file).await;
    assert_eq!((restored.topics, restored.forgotten), (0, 1));
    assert_ne!(newest(&server, "news").epoch, position.epoch);
}

#[tokio::test]
async fn the_memory_of_all_histories_is_bounded_and_the_latest_used_come_first() {
    const CHANNELS: usize = 200;
    const TOTAL: usize = 256 * 1024;
    let folder = Folder::new();
    let file = folder.file("history");
    let server = WebSocketServer::new(with_history(10));
    let padding = "x".repeat(2_000);
    for channel in 0..CHANNELS {
        publish(
            &server,
            &format!("c{channel}"),
            &json!({"padding": padding}),
        )
        .await;
    }
    let first = newest(&server, "c0");
    save(&server, &file).await;
    let mut smaller = with_history_limits(HistoryLimits {
        max_bytes: 128 * 1024,
        ..HistoryLimits::default()
    });
    smaller.history.total = TOTAL;
    smaller.history.clients_total = 1024;
    let server = WebSocketServer::new(smaller);
    let restored = restore(&server, &file).await;
    let (topics, forgotten) = (restored.topics as usize, restored.forgotten as usize);
    assert_eq!(topics + forgotten, CHANNELS);
    assert!(topics > 20 && forgotten > 20, "{restored:?}");
    assert!(server.node().history_bytes() <= TOTAL);
    assert_eq!(kept(&server, &format!("c{}", CHANNELS - 1)), 1);
    // What was left out has a numbering of its own.
    assert_ne!(newest(&server, "c0").epoch, first.epoch);
}

#[tokio::test]
async fn a_numbering_does_not_go_on_after_a_configuration_without_history() {
    for before in [3, 0] {
        let folder = Folder::new();
        let file = folder.file("history");
        let server = WebSocketServer::new(config(|_| {}));
        publish_messages(&server, "news", 1..=before).await;
        let positions = ["news", "never"].map(|channel| newest(&server, channel));
        save(&server, &file).await;

        // In this process, publications have no numbers.
        let server = WebSocketServer::new(without_history());
        let restored = restore(&server, &file).await;
        assert_eq!((restored.topics, restored.forgotten), (0, before.min(1)));
        publish_messages(&server, "news", 4..=5).await;
        publish_messages(&server, "never", 1..=1).await;
        save(&server, &file).await;

        let server = WebSocketServer::new(config(|_| {}));
        restore(&server, &file).await;
        for (channel, position) in ["news", "never"].into_iter().zip(positions) {
            let epoch = newest(&server, channel).epoch;
            assert_ne!(epoch, position.epoch, "{channel} {before}");
        }
    }
}

#[tokio::test]
async fn rules_by_name_apply_to_restored_topics() {
    let folder = Folder::new();
    let (file, position) = saved_file(&folder).await;
    let server = WebSocketServer::new(config(|config| {
        let one = HistoryLimits {
            max_messages: 1,
            ..HistoryLimits::default()
        };
        let options = TopicOptions {
            history: Some(one),
            ..TopicOptions::default()
        };
        config.topics = TopicRules::default().with(TopicKind::Channel, "ne*", options);
    }));
    assert_eq!(restore(&server, &file).await.publications, 1);
    assert_eq!(newest(&server, "news"), position);
}

#[tokio::test]
async fn nothing_is_numbered_after_the_histories_were_saved() {
    let folder = Folder::new();
    let file = folder.file("history");
    let server = WebSocketServer::new(with_history(10));
    let say = |text| ServerMessage::Message {
        room: "general",
        from: "server",
        content: text,
    };
    let content = Json::from("hello");
    let said = server.broadcast_to_room("general", say(&content), None);
    said.in_time().await.expect("broadcast");
    save(&server, &file).await;
    for room in ["general", "another"] {
        let said = server.broadcast_to_room(room, say(&content), None);
        let refused = said.in_time().await;
        assert_eq!(refused, Err(BroadcastError::ShuttingDown), "{room}");
    }
    let server = WebSocketServer::new(with_history(10));
    assert_eq!(restore(&server, &file).await.publications, 1);
}

#[tokio::test]
async fn the_memory_of_a_refused_file_is_free_again() {
    let folder = Folder::new();
    let (file, _) = saved_file(&folder).await;
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    let server = WebSocketServer::new(with_history(10));
    // Everything was read before the end turned out to be missing.
    let reason = refused(&server, &file).await;
    assert!(
        reason.to_string().starts_with("it is truncated after 4"),
        "{reason}"
    );
}
