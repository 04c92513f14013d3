//! Arguments and environment variables: refusals, help, version.

use std::process::Output;

use tokio::net::TcpListener;

use super::support::text;
use crate::support::{run, run_with};

/// Expects this exit code, nothing on standard output, and an error, which it returns. Each
/// problem of the configuration is on its own line below the first.
fn expect_refusal(output: &Output, code: i32) -> String {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert_eq!(text(&output.stdout), "");
    let heading = "error: 1 problem in the configuration\n  ";
    let line = error.strip_prefix(heading).unwrap_or(&error);
    assert_eq!(line.lines().count(), 1, "{error:?}");
    assert!(
        error.starts_with("error: ") && error.ends_with('\n'),
        "{error:?}"
    );
    error
}

#[tokio::test]
async fn a_port_in_use_is_an_error_of_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let error = expect_refusal(&run(&["--listen", &address]).await, 1);
    assert!(error.contains(&address), "{error}");
    assert!(error.contains("in use"), "{error}");
}

#[tokio::test]
async fn an_invalid_flag_is_one_problem() {
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
async fn invalid_values_are_one_problem_each() {
    for (arguments, mention) in [
        (&["--ping-interval", "90s"][..], "connections.pong_timeout"),
        (&["--pong-timeout", "10s"], "--pong-timeout"),
        (&["--max-message-size", "1MiB"], "outbox"),
        (&["--outbox-bytes", "1KiB"], "outbox"),
        (&["--outbox-messages", "0"], "at least 1"),
        (&["--max-clients-per-room", "0"], "at least 1"),
        (&["--max-message-size", "0"], "at least 1"),
        (&["--ping-interval", "0s"], "at least 1"),
        (&["--drain-rate", "0"], "at least 1"),
        (&["--log", "wavecast=loud"], "log"),
        (&["--cors-origin", "app.example"], "--cors-origin"),
        (&["--cors-origin", "https://app.example/"], "--cors-origin"),
    ] {
        let arguments = [arguments, &["--listen", "127.0.0.1:0"]].concat();
        let error = expect_refusal(&run(&arguments).await, 2);
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
            ("--max-topics", "1000000"),
            ("--max-connections", "0"),
            ("--close-timeout", "5s"),
            ("--messages-total", "64MiB"),
            ("--replies-total", "32MiB"),
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
        // These two are off by default.
        assert!(
            help.contains("--cors-origin") && help.contains("none by default"),
            "{help}"
        );
        assert!(help.contains("--dev") && help.contains("ANYBODY"), "{help}");
    }
}

#[tokio::test]
async fn the_version_is_that_of_the_package() {
    let output = run(&["--version"]).await;
    assert_eq!(
        text(&output.stdout),
        concat!("wavecast ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[tokio::test]
async fn environment_variables_are_read_and_flags_override_them() {
    let bad = [("WAVECAST_OUTBOX_MESSAGES", "0")];
    let error = expect_refusal(&run_with(&["--listen", "127.0.0.1:0"], &bad).await, 2);
    assert!(error.contains("WAVECAST_OUTBOX_MESSAGES"), "{error}");
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
    let error = expect_refusal(&run_with(&arguments, &bad).await, 2);
    assert!(
        error.contains("--outbox-messages: 0 must be at least 1"),
        "{error}"
    );
}
