//! The scenarios `auth` and `presence` against a server with one fault each. They must find that fault, and nothing else.

use crate::rights_server::{RightsServer, Wrong};
use crate::support::text;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A file with a secret, which this process's tests share.
fn secret_file() -> PathBuf {
    let path = std::env::temp_dir().join(format!("loadtest-secret-{}", std::process::id()));
    std::fs::write(&path, "a-secret-of-at-least-thirty-two-bytes\n").expect("it can be written");
    path
}

fn run(scenario: &str, wrong: Wrong, args: &str) -> Output {
    let server = RightsServer::start(wrong);
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command
        .args(["run", scenario, "-d", "1s", "-u"])
        .arg(format!("ws://{}/ws", server.addr))
        .arg("--token-secret-file")
        .arg(secret_file())
        .args(args.split_whitespace());
    command.output().expect("loadtest runs")
}

/// The assertions that failed.
fn failed(output: &Output) -> Vec<String> {
    let text = text(output);
    let lines = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("FAIL  "));
    lines
        .map(|line| {
            line.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

#[track_caller]
fn auth_finds(wrong: Wrong, expected: &[&str]) {
    let args = "-c 24 -r 20/s --drain 1s --token-life 3s --leeway 0s";
    let output = run("auth", wrong, args);
    assert_eq!(failed(&output), expected, "{wrong:?}: {}", text(&output));
    let code = if expected.is_empty() { 0 } else { 99 };
    assert_eq!(
        output.status.code(),
        Some(code),
        "{wrong:?}: {}",
        text(&output)
    );
}

#[track_caller]
fn presence_finds(wrong: Wrong, expected: &[&str]) {
    let args = "-c 10 -r 100/s --linger 0s --presence-interval 100ms";
    let output = run("presence", wrong, args);
    assert_eq!(failed(&output), expected, "{wrong:?}: {}", text(&output));
}

#[test]
fn a_server_that_keeps_all_rules_passes_auth() {
    auth_finds(Wrong::Nothing, &[]);
}

#[test]
fn auth_finds_what_goes_wrong_with_refreshes() {
    auth_finds(
        Wrong::RefusesRefresh,
        &["refresh.unanswered==0", "refresh.refused==0"],
    );
    auth_finds(Wrong::LosesAfterRefresh, &["loss.silent==0"]);
}

#[test]
fn auth_finds_what_goes_wrong_with_revocations() {
    auth_finds(Wrong::KeepsRevoked, &["revoked.survivors==0"]);
    auth_finds(Wrong::RevokesAs(4000), &["revoked.miscoded==0"]);
    auth_finds(Wrong::RevokesLate, &["revoked.late==0"]);
    auth_finds(Wrong::RevokesAnother, &["closes.unexpected==0"]);
    auth_finds(Wrong::AdmitsRevoked, &["revoked.admitted==0"]);
}

#[test]
fn auth_finds_what_goes_wrong_when_tokens_expire() {
    auth_finds(Wrong::ExpiresAs(4501), &["expired.miscoded==0"]);
    auth_finds(Wrong::ExpiresEarly, &["expired.early==0"]);
    auth_finds(Wrong::WarnsNobody, &["expired.unwarned==0"]);
}

#[test]
fn auth_needs_the_secret_of_a_key() {
    let server = RightsServer::start(Wrong::Nothing);
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    let url = format!("ws://{}/ws", server.addr);
    let output = command
        .args(["run", "auth", "-u", &url])
        .output()
        .expect("loadtest runs");
    assert_eq!(output.status.code(), Some(3));
    assert!(
        text(&output).contains("fix: give the secret"),
        "{}",
        text(&output)
    );
}

#[test]
fn a_server_that_keeps_all_rules_passes_presence() {
    presence_finds(Wrong::Nothing, &[]);
}

#[test]
fn presence_finds_what_watchers_and_the_api_are_told_wrong() {
    presence_finds(
        Wrong::KeepsGhost,
        &["presence.wrong==0", "presence.rest_difference==0"],
    );
    presence_finds(Wrong::Miscounts, &["presence.rest_difference==0"]);
}

#[test]
fn presence_finds_that_watchers_are_told_of_each_single_join() {
    presence_finds(Wrong::Shouts, &["presence.storm_excess==0"]);
}

#[test]
fn reports_are_written_of_these_scenarios_too() {
    let path = std::env::temp_dir().join(format!("loadtest-auth-{}.json", std::process::id()));
    let args = format!(
        "-c 60 -r 100/s --linger 0s --presence-interval 100ms --no-default-asserts --json {}",
        path.display()
    );
    let output = run("presence", Wrong::Nothing, &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let json = std::fs::read_to_string(&path).expect("it was written");
    std::fs::remove_file(&path).expect("it exists");
    assert!(
        json.contains(r#""presence.lag""#) && !json.contains("a-secret"),
        "{json}"
    );
}

#[test]
fn each_socket_has_a_user_of_its_own() {
    let output = run(
        "presence",
        Wrong::Nothing,
        "-c 30 -r 50/s --linger 0s --assert presence.joins>=1 --no-default-asserts",
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}
