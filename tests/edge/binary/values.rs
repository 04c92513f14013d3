//! Values as operators write them: empty, with white space, with several spellings of true.

use super::support::{expect_ok, expect_problem_of};
use crate::support::{Binary, Client, ConfigFile, exchange};

/// Whether the server trusts the user that a client names in its address.
async fn is_in_development(edge: &Binary) -> bool {
    let _alice = Client::connect(edge.address, "/ws?user=alice").await;
    let event = serde_json::json!({"user": "alice", "data": 1});
    let answer = edge.http("POST", "/api/events", Some(&event)).await;
    answer.json()["subscribers"] == 1
}

#[tokio::test]
async fn booleans_have_eight_spellings() {
    for value in ["1", "true", "yes", " on "] {
        let edge = Binary::start_with(&[], &[("WAVECAST_DEV", value)]).await;
        assert!(is_in_development(&edge).await, "{value}");
    }
    for value in ["0", "false", "no", "OFF", "", "  "] {
        let edge = Binary::start_with(&[], &[("WAVECAST_DEV", value)]).await;
        assert!(!is_in_development(&edge).await, "{value}");
    }
    expect_problem_of(
        "WAVECAST_DEV",
        "maybe",
        "WAVECAST_DEV: \"maybe\" is not a boolean; write true or false",
    )
    .await;
}

#[tokio::test]
async fn a_flag_turns_off_what_a_variable_or_the_file_turns_on() {
    let file = ConfigFile::new("[server]\ndev = true\n");
    let on = ["--config", file.path()];
    assert!(is_in_development(&Binary::start(&on).await).await);
    let off = ["--config", file.path(), "--dev=false"];
    assert!(!is_in_development(&Binary::start(&off).await).await);
}

#[tokio::test]
async fn an_empty_variable_counts_as_unset() {
    let empty = [
        ("WAVECAST_OUTBOX_MESSAGES", ""),
        ("WAVECAST_LISTEN", " "),
        ("WAVECAST_CONFIG", ""),
        ("WAVECAST_LOG", ""),
        ("WAVECAST_CORS_ORIGIN", ""),
    ];
    expect_ok(&[], &empty).await;
}

#[tokio::test]
async fn white_space_around_a_value_is_trimmed() {
    let spaced = [
        ("WAVECAST_SHARDS", " 2 "),
        ("WAVECAST_PING_INTERVAL", "10s\n"),
        ("WAVECAST_LOG", " info "),
        ("WAVECAST_LISTEN", " :3000"),
        ("WAVECAST_OUTBOX_BYTES", "\t2MiB"),
    ];
    let arguments = ["--max-message-size", " 1MiB ", "--dev"];
    expect_ok(&arguments, &spaced).await;
    let file =
        ConfigFile::new("[server]\nlisten = \" :3000 \"\n[log]\nlevel = \"info \"\n[anonymous]\n");
    expect_ok(&[file.path()], &[]).await;
}

#[tokio::test]
async fn web_origins_are_trimmed_and_compared_as_browsers_send_them() {
    let file = ConfigFile::new(
        "[server]\ncors_origins = [\"HTTPS://App.Example:443 \", \"https://b.example\"]\n",
    );
    let list = [(
        "WAVECAST_CORS_ORIGIN",
        "https://b.example, https://APP.example ,",
    )];
    let repeated = [
        "--cors-origin",
        "https://b.example",
        "--cors-origin",
        "https://app.example:443",
    ];
    for edge in [
        Binary::start_with(&[], &list).await,
        Binary::start(&["--config", file.path()]).await,
        Binary::start(&repeated).await,
    ] {
        let request = "GET /api/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                       Origin: https://app.example\r\n\r\n";
        let response = exchange(edge.address, request.as_bytes()).await;
        assert_eq!(
            response.header("access-control-allow-origin"),
            Some("https://app.example")
        );
    }
}
