//! Problems of a configuration: all are reported at once, each with its location.

use super::support::{expect_ok, expect_problem, expect_problems, text};
use crate::support::{ConfigFile, run, run_with};

#[tokio::test]
async fn all_problems_of_all_sources_are_reported_at_once() {
    let file = ConfigFile::new(
        "[server]\nshards = 2\n[publish]\nwindw = \"5m\"\n\n[history]\nmessages = 100\n\nage = \"ten\"\n",
    );
    let path = file.path();
    let output = run_with(
        &["--config", path, "--pong-timeout", "9s", "--hisotry", "5"],
        &[("WAVECAST_OUTBOX_MESSAGES", "0")],
    )
    .await;
    expect_problems(
        &output,
        &[
            &format!("{path}:4: unknown key `publish.windw`; did you mean `window`?"),
            &format!("{path}:9: `history.age`: \"ten\" is not a duration; write 30s, 5m or 24h"),
            "WAVECAST_OUTBOX_MESSAGES: 0 must be at least 1",
            "--hisotry: unknown flag; did you mean `--history`?",
            "--pong-timeout: 9s must be longer than connections.ping_interval (30s, default)",
        ],
    );
}

#[tokio::test]
async fn an_invalid_configuration_does_not_listen() {
    // If the server listened, the port in use would cause another error and exit code.
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--listen", &address, "--outbox-messages", "0"]).await;
    expect_problems(&output, &["--outbox-messages: 0 must be at least 1"]);
}

#[tokio::test]
async fn a_value_of_the_wrong_kind_gets_a_hint_how_to_write_it() {
    for (flag, value, problem) in [
        ("--shards", "many", "\"many\" is not a whole number"),
        ("--shards", "-1", "-1 must be at least 0"),
        ("--shards", "2000", "2000 must be at most 1024"),
        (
            "--drain-rate",
            "4294967296",
            "4294967296 must be at most 4294967295",
        ),
        (
            "--ping-interval",
            "soon",
            "\"soon\" is not a duration; write 30s, 5m or 24h",
        ),
        ("--ping-interval", "0s", "0s must be at least 1ms"),
        ("--drain-timeout", "10y", "10y must be at most 365d"),
        (
            "--max-message-size",
            "big",
            "\"big\" is not a size; write 512B, 64KiB or 1MiB",
        ),
        ("--max-message-size", "0", "0 must be at least 1B"),
        (
            "--listen",
            "localhost",
            "\"localhost\" is not an address to listen on; write 127.0.0.1:3000, 3000, :3000 or localhost:3000",
        ),
        (
            "--cors-origin",
            "https://app.example/",
            "\"https://app.example/\" is not a web origin; write it as https://app.example",
        ),
    ] {
        expect_problem(&[flag, value], &format!("{flag}: {problem}")).await;
    }
    let problem = "--dev: \"maybe\" is not a boolean; write true or false";
    expect_problem(&["--dev=maybe"], problem).await;
}

#[tokio::test]
async fn a_flag_without_its_value_and_a_flag_that_is_repeated_are_problems() {
    expect_problem(&["--listen"], "--listen: needs a value").await;
    expect_problem(&["--listen", "--dev"], "--listen: needs a value").await;
    expect_problem(&["--dev", "--dev"], "--dev: is given more than once").await;
    let twice = ["--shards", "1", "serve", "--shards", "2"];
    expect_problem(&twice, "--shards: is given more than once").await;
    expect_problem(
        &["--shards", "1", "--set", "server.shards=2"],
        "--set server.shards: server.shards was already set by --shards",
    )
    .await;
}

#[tokio::test]
async fn values_that_contradict_each_other_are_named_with_their_origins() {
    for (arguments, problem) in [
        (
            &["--ping-interval", "90s"][..],
            "--ping-interval: 90s must be shorter than connections.pong_timeout (90s, default)",
        ),
        (
            &["--pong-timeout", "20s", "--ping-interval", "20s"],
            "--pong-timeout: 20s must be longer than connections.ping_interval (20s, --ping-interval)",
        ),
        (
            &["--outbox-bytes", "1KiB"],
            "--outbox-bytes: 1KiB must be at least 64 bytes larger than connections.max_message_size (64KiB, default)",
        ),
        (
            &["--max-message-size", "1MiB"],
            "--max-message-size: 1MiB must be at least 64 bytes smaller than outbox.bytes (1MiB, default)",
        ),
        (
            &["--history-bytes", "64KiB"],
            "--history-bytes: 64KiB must be at least 64 bytes larger than connections.max_message_size (64KiB, default)",
        ),
        (
            &["--history-total", "1"],
            "--history-total: 1 must be at least 64 bytes larger than connections.max_message_size (64KiB, default)",
        ),
    ] {
        expect_problem(arguments, problem).await;
    }
    // Without a history, no message has to fit in it.
    let bytes = [
        "--history",
        "0",
        "--history-total",
        "1",
        "--history-bytes",
        "1",
    ];
    expect_ok(&bytes, &[]).await;
    // The default history just doesn't keep a message that is too large for it.
    let large = ["--max-message-size", "2MiB", "--outbox-bytes", "8MiB"];
    expect_ok(&large, &[]).await;
    // An invalid value is not compared with others as well.
    expect_problem(
        &["--ping-interval", "x", "--pong-timeout", "1s"],
        "--ping-interval: \"x\" is not a duration; write 30s, 5m or 24h",
    )
    .await;
}

#[tokio::test]
async fn a_file_with_wrong_types_names_lines_and_keys() {
    let file = ConfigFile::new(
        "[outbox]\nmessages = \"5\"\nbytes = true\n[server]\ndev = 1\nlisten = 3000\n\
         cors_origins = \"https://a.example\"\n[connections]\nping_interval = 30\n\
         max = 1.5\n[log]\nlevel = { x = 1 }\n[drain]\nrate = -3\n",
    );
    let path = file.path();
    let output = run(&["--config", path]).await;
    let problems = [
        "2: `outbox.messages`: \"5\" is not a whole number; write it without quotation marks",
        "3: `outbox.bytes`: true is not a size; write 512B, 64KiB or 1MiB",
        "5: `server.dev`: 1 is not a boolean; write true or false",
        "6: `server.listen`: 3000 is not an address to listen on; write 127.0.0.1:3000, 3000, :3000 or localhost:3000",
        "7: `server.cors_origins`: \"https://a.example\" is not a list; write [\"https://app.example\"]",
        "9: `connections.ping_interval`: 30 is not a duration; write 30s, 5m or 24h",
        "10: `connections.max`: 1.5 is not a whole number",
        "12: `log.level`: a table is not a log level; write \"info\"",
        "14: `drain.rate`: -3 must be at least 1",
    ]
    .map(|problem| format!("{path}:{problem}"));
    expect_problems(&output, &problems.each_ref().map(String::as_str));
}

#[tokio::test]
async fn a_text_that_is_not_toml_is_one_problem_with_line_and_column() {
    let file = ConfigFile::new("[server]\nshards = 1\nlisten 3000\n[publish]\nwindw = 1\n");
    let output = run(&["--config", file.path(), "--shards", "x"]).await;
    let error = text(&output.stderr);
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(lines[0], "error: 2 problems in the configuration");
    let place = format!("  {}:3:8: invalid TOML: ", file.path());
    assert!(lines[1].starts_with(&place), "{error}");
    assert_eq!(lines[2], "  --shards: \"x\" is not a whole number");
}

#[tokio::test]
async fn an_unreadable_file_is_a_problem_of_the_flag_or_variable_that_names_it() {
    let missing = "/nonexistent/wavecast.toml";
    let problem = format!("cannot read {missing}: No such file or directory (os error 2)");
    expect_problem(&["--config", missing], &format!("--config: {problem}")).await;
    let output = run_with(&[], &[("WAVECAST_CONFIG", missing)]).await;
    expect_problems(&output, &[&format!("WAVECAST_CONFIG: {problem}")]);
    expect_problem(
        &["config", "check", missing],
        &format!("--config: {problem}"),
    )
    .await;
}
