//! The command line of the real binary.

use std::process::Output;

use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{Binary, Client, exchange, run, run_with};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// One line on standard error, nothing on standard output, and this exit code.
fn expect_refusal(output: &Output, code: i32) -> String {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(text(&output.stdout), "");
    assert_eq!(error.lines().count(), 1, "{error:?}");
    assert!(
        error.starts_with("error: ") && error.ends_with('\n'),
        "{error:?}"
    );
    error
}

#[tokio::test]
async fn a_port_in_use_is_one_line_and_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let error = expect_refusal(&run(&["--listen", &address]).await, 1);
    assert!(error.contains(&address), "{error}");
    assert!(error.contains("in use"), "{error}");
}

#[tokio::test]
async fn bad_flags_are_one_line_and_a_failure() {
    for (arguments, mention) in [
        (&["--bogus"][..], "--bogus"),
        (&["dance"], "dance"),
        (&["serve", "--bogus"], "--bogus"),
        (&["--listen"], "--listen"),
        (&["--listen", "localhost"], "--listen"),
        (&["--shards", "many"], "--shards"),
        (&["--shards", "-1"], "-1"),
        (&["--ping-interval", "soon"], "--ping-interval"),
        (&["--max-message-size", "big"], "--max-message-size"),
        (&["--drain-rate", "4294967296"], "--drain-rate"),
        (&["--dev", "--dev"], "--dev"),
    ] {
        let error = expect_refusal(&run(arguments).await, 2);
        assert!(error.contains(mention), "{error}");
    }
}

#[tokio::test]
async fn values_that_cannot_work_are_one_line_and_a_failure() {
    for (arguments, mention) in [
        (&["--ping-interval", "90s"][..], "pong timeout"),
        (&["--pong-timeout", "10s"], "pong timeout"),
        (&["--max-message-size", "1MiB"], "outbox"),
        (&["--outbox-bytes", "1KiB"], "outbox"),
        (&["--outbox-messages", "0"], "zero"),
        (&["--max-clients-per-room", "0"], "zero"),
        (&["--max-message-size", "0"], "zero"),
        (&["--ping-interval", "0s"], "zero"),
        (&["--drain-rate", "0"], "zero"),
        (&["--log", "wavecast=loud"], "log"),
        (&["--cors-origin", "app.example"], "--cors-origin"),
        (&["--cors-origin", "https://app.example/"], "--cors-origin"),
    ] {
        let arguments = [arguments, &["--listen", "127.0.0.1:0"]].concat();
        let error = expect_refusal(&run(&arguments).await, 1);
        assert!(error.contains(mention), "{error}");
    }
}

#[tokio::test]
async fn help_names_each_flag_with_its_default() {
    for arguments in [&["--help"][..], &["serve", "--help"], &["-h"]] {
        let output = run(arguments).await;
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(text(&output.stderr), "");
        let help = text(&output.stdout);
        for (flag, default) in [
            ("--listen", "127.0.0.1:3000"),
            ("--shards", "0"),
            ("--ping-interval", "30s"),
            ("--pong-timeout", "90s"),
            ("--max-message-size", "64KiB"),
            ("--max-clients-per-room", "100"),
            ("--max-topics-per-client", "1000"),
            ("--max-connections", "0"),
            ("--outbox-messages", "1024"),
            ("--outbox-bytes", "1MiB"),
            ("--max-body-size", "1MiB"),
            ("--publish-timeout", "1s"),
            ("--drain-timeout", "30s"),
            ("--drain-rate", "2000"),
            ("--log", "info"),
        ] {
            let start = help
                .find(&format!("{flag} <"))
                .unwrap_or_else(|| panic!("{flag}: {help}"));
            let entry = help[start..].split("\n      --").next().unwrap();
            let variable = format!("WAVECAST_{}", flag[2..].replace('-', "_").to_uppercase());
            assert!(entry.contains(&format!("[default: {default}]")), "{entry}");
            assert!(entry.contains(&variable), "{entry}");
        }
        // Off by default, which is their default.
        assert!(
            help.contains("--cors-origin") && help.contains("none by default"),
            "{help}"
        );
        assert!(help.contains("--dev") && help.contains("ANYBODY"), "{help}");
    }
}

#[tokio::test]
async fn the_version_is_the_packages() {
    let output = run(&["--version"]).await;
    assert_eq!(
        text(&output.stdout),
        concat!("wavecast ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[tokio::test]
async fn the_environment_counts_and_a_flag_wins() {
    let bad = [("WAVECAST_OUTBOX_MESSAGES", "0")];
    let error = expect_refusal(&run_with(&["--listen", "127.0.0.1:0"], &bad).await, 1);
    assert!(error.contains("outbox"), "{error}");
    let bad = [("WAVECAST_SHARDS", "many")];
    expect_refusal(&run_with(&[], &bad).await, 2);
    let bad = [
        ("WAVECAST_SHARDS", "many"),
        ("WAVECAST_OUTBOX_MESSAGES", "5"),
    ];
    let arguments = [
        "--shards",
        "1",
        "--outbox-messages",
        "0",
        "--listen",
        "127.0.0.1:0",
    ];
    let error = expect_refusal(&run_with(&arguments, &bad).await, 1);
    assert!(error.contains("zero"), "{error}");
}

#[tokio::test]
async fn it_says_where_the_page_is_and_how_to_publish() {
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

#[tokio::test]
async fn dev_believes_who_one_says_to_be_and_warns() {
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

fn from_origin(method: &str, headers: &str) -> String {
    format!(
        "{method} /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Origin: https://app.example\r\n{headers}Content-Length: 0\r\n\r\n"
    )
}

#[tokio::test]
async fn cors_is_off_unless_configured() {
    let preflight = from_origin(
        "OPTIONS",
        "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n",
    );
    let edge = Binary::start(&[]).await;
    let response = exchange(edge.address, preflight.as_bytes()).await;
    assert_eq!(response.status, 405);
    assert_eq!(response.header("access-control-allow-origin"), None);

    let edge = Binary::start(&["--cors-origin", "https://app.example,https://b.example"]).await;
    let response = exchange(edge.address, preflight.as_bytes()).await;
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    assert!(
        response
            .header("access-control-allow-methods")
            .unwrap()
            .contains("POST")
    );
    assert_eq!(
        response.header("access-control-allow-headers"),
        Some("content-type,last-event-id")
    );
    // Exactly these, not whatever begins or ends alike.
    for other in [
        "https://app.example.evil",
        "http://app.example",
        "https://evil-app.example",
        "null",
    ] {
        let preflight = preflight.replace("https://app.example", other);
        let response = exchange(edge.address, preflight.as_bytes()).await;
        assert_eq!(
            response.header("access-control-allow-origin"),
            None,
            "{other}"
        );
    }
    let plain = from_origin("POST", "Content-Type: application/json\r\n");
    let response = exchange(edge.address, plain.as_bytes()).await;
    assert_eq!(response.status, 400);
    assert_eq!(
        response.header("access-control-allow-origin"),
        Some("https://app.example")
    );

    let edge = Binary::start(&["--cors-origin", "*"]).await;
    let response = exchange(edge.address, preflight.as_bytes()).await;
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
}
