//! The running binary: what it prints, and flags that reach the server.

use serde_json::json;

use crate::support::{Binary, Client, eventually};

#[tokio::test]
async fn it_prints_the_address_of_the_page_and_how_to_publish() {
    let edge = Binary::start(&[]).await;
    let address = edge.address;
    for expected in [
        format!("http://{address}/\n"),
        format!("ws://{address}/ws\n"),
        format!("curl -sS http://{address}/api/events"),
    ] {
        assert!(edge.greeting.contains(&expected), "{}", edge.greeting);
    }
    assert_eq!(edge.http("GET", "/", None).await.status, 200);
}

#[tokio::test]
async fn serve_is_the_default_command() {
    let edge = Binary::start(&["serve"]).await;
    let mut client = edge.connect().await;
    client.expect_silence().await;
}

#[tokio::test]
async fn flags_reach_the_server() {
    let edge = Binary::start(&["--max-clients-per-room", "1", "--max-message-size", "100B"]).await;
    let (mut first, mut second) = (edge.connect().await, edge.connect().await);
    first.join("general", 1).await;
    second
        .ask(
            r#"{"type":"join","room":"general"}"#,
            r#"{"type":"error","code":"room_full","message":"Room full","room":"general"}"#,
        )
        .await;
    second.send_text(&"x".repeat(101)).await;
    assert_eq!(second.next_json().await["code"], "message_too_large");
}

#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
#[tokio::test]
async fn a_thread_gives_unused_memory_back_though_nothing_is_allocated() {
    let edge = Binary::start(&[]).await;
    let tasks = format!("/proc/{}/task", edge.pid());
    eventually("jemalloc's background thread", async || {
        let threads = std::fs::read_dir(&tasks).expect("a running process");
        let mut names = threads.flatten().map(|thread| {
            // A thread may have ended meanwhile.
            std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default()
        });
        names.any(|name| name.trim_end() == "jemalloc_bg_thd")
    })
    .await;
}

#[tokio::test]
async fn dev_trusts_the_user_parameter_and_warns() {
    let mut edge = Binary::start(&["--dev"]).await;
    let mut alice = Client::connect(edge.address, "/ws?user=alice").await;
    let event = json!({"user": "alice", "data": 1});
    let answer = edge.http("POST", "/api/events", Some(&event)).await;
    assert_eq!(answer.json()["subscribers"], 1);
    assert_eq!(alice.next_json().await["channel"], "$user:alice");
    alice.close().await;
    edge.signal(rustix::process::Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
    let warning = edge.stderr();
    assert!(warning.starts_with("WARNING: --dev"), "{warning}");
}
