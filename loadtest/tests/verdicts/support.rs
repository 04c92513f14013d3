//! Runs the real binary against a null server.

use loadtest::null_server::{Behaviour, Fault, NullServer};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Pings often, but with a long pong timeout, because the machine may be busy.
pub(crate) const BEHAVIOUR: Behaviour = Behaviour {
    fault: Fault::None,
    more_faults: &[],
    coalesce: Duration::ZERO,
    ping_interval: Duration::from_millis(300),
    pong_timeout: Duration::from_secs(60),
    tells_heartbeat: false,
    outbox: 50,
    history: 0,
};

/// The heartbeat settings that the tests also give to the tester.
pub(crate) const STRICT: Behaviour = Behaviour {
    ping_interval: Duration::from_millis(400),
    pong_timeout: Duration::from_millis(1600),
    ..BEHAVIOUR
};

pub(crate) fn start(fault: Fault) -> NullServer {
    start_as(Behaviour { fault, ..BEHAVIOUR })
}

pub(crate) fn start_as(behaviour: Behaviour) -> NullServer {
    let addr = "127.0.0.1:0".parse().expect("an address");
    NullServer::start(addr, behaviour).expect("the null server starts")
}

pub(crate) fn loadtest(server: &NullServer, args: &str) -> Command {
    run("smoke", server, args)
}

pub(crate) fn run(scenario: &str, server: &NullServer, args: &str) -> Command {
    // The machine may be busy.
    run_strictly(scenario, server, &format!("--allow-taint {args}"))
}

/// The same, but it must keep up.
pub(crate) fn run_strictly(scenario: &str, server: &NullServer, args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command
        .args(["run", scenario, "-c", "50", "-C", "5", "-r", "100/s"])
        .args(["-d", "1s", "--drain", "2s"])
        // The null server runs in this process, which serves other tests too.
        .args(["--server-pid", "none", "-u"])
        .arg(format!("ws://{}/ws", server.addr()))
        .args(args.split_whitespace())
        .env_remove("LOADTEST_ALLOW_TAINT")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The assertions that failed.
pub(crate) fn failed_checks(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("  FAIL  "))
        .map(|line| line.split("  ").next().unwrap_or_default().to_owned())
        .collect()
}

#[track_caller]
pub(crate) fn finds(fault: Fault, failed: &[&str]) -> String {
    finds_in("smoke", "", fault, failed)
}

#[track_caller]
pub(crate) fn finds_in(scenario: &str, args: &str, fault: Fault, failed: &[&str]) -> String {
    finds_as(scenario, args, Behaviour { fault, ..BEHAVIOUR }, failed)
}

#[track_caller]
pub(crate) fn finds_as(
    scenario: &str,
    args: &str,
    behaviour: Behaviour,
    failed: &[&str],
) -> String {
    let server = start_as(behaviour);
    let output = run(scenario, &server, args)
        .output()
        .expect("loadtest runs");
    let text = text(&output);
    assert_eq!(failed_checks(&text), failed, "{text}");
    assert_eq!(
        output.status.code(),
        Some(if failed.is_empty() { 0 } else { 99 }),
        "{text}"
    );
    text
}

/// Runs cases in parallel, since they mostly wait.
pub(crate) fn side_by_side(cases: impl IntoIterator<Item = impl FnOnce() + Send>) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(case);
        }
    });
}

/// The number after a word in the report.
pub(crate) fn figure(text: &str, word: &str) -> u64 {
    let word = format!("  {word} ");
    let rest = text.split(&word).nth(1).unwrap_or_default();
    let digits: String = rest
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == ',')
        .filter(|c| *c != ',')
        .collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("no {word}in {text}"))
}
