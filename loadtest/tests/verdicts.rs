//! Runs the real binary against servers that lie in one way each: it must find that, and nothing else.

use loadtest::null_server::{Behaviour, Fault, NullServer};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn start(fault: Fault) -> NullServer {
    let behaviour = Behaviour {
        fault,
        ping_every: Duration::from_millis(300),
        pong_timeout: Duration::from_millis(900),
        outbox: 50,
        ..Behaviour::default()
    };
    let addr = "127.0.0.1:0".parse().expect("an address");
    NullServer::start(addr, behaviour).expect("the null server starts")
}

fn loadtest(server: &NullServer, args: &str) -> Command {
    run("smoke", server, args)
}

fn run(scenario: &str, server: &NullServer, args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command
        .args(["run", scenario, "-c", "50", "-C", "5", "-r", "100/s"])
        .args(["-d", "1s", "--drain", "500ms", "--allow-taint"])
        // The null server is a part of this very process, which serves other tests too.
        .args(["--server-pid", "none", "-u"])
        .arg(format!("ws://{}/ws", server.addr()))
        .args(args.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The names of the failed checks.
fn failed_checks(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("  FAIL  "))
        .map(|line| line.split("  ").next().unwrap_or_default().to_owned())
        .collect()
}

#[track_caller]
fn finds(fault: Fault, failed: &[&str]) -> String {
    finds_in("smoke", "", fault, failed)
}

#[track_caller]
fn finds_in(scenario: &str, args: &str, fault: Fault, failed: &[&str]) -> String {
    let server = start(fault);
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

#[test]
fn passes_an_honest_server() {
    let server = start(Fault::None);
    let output = loadtest(&server, "--workers 2 --subs-per-conn 2 --publishers 3")
        .output()
        .expect("loadtest runs");
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("2,000 of 2,000 expected"), "{text}");
    assert!(
        text.ends_with("PASS\n") || text.contains("\nPASS\n"),
        "{text}"
    );
    assert!(
        server.pongs() >= 50,
        "pings are answered: {}",
        server.pongs()
    );
}

#[test]
fn finds_silent_losses() {
    let text = finds(Fault::DropEvery100th, &["loss.silent==0"]);
    assert!(text.contains("silent loss 10 "), "{text}");
}

#[test]
fn finds_a_duplicate() {
    finds(Fault::DuplicateOne, &["dups==0"]);
}

#[test]
fn finds_two_messages_that_changed_places() {
    finds(Fault::SwapTwo, &["reorders==0"]);
}

#[test]
fn finds_a_message_of_a_foreign_channel() {
    finds(Fault::ForeignChannel, &["foreign==0"]);
}

#[test]
fn finds_an_unexpected_close() {
    let text = finds(Fault::CloseOne, &["closes.unexpected==0"]);
    assert!(text.contains("close 1013 slow consumer"), "{text}");
}

#[test]
fn finds_a_wrong_number_of_subscribers() {
    for more in [1, -1] {
        finds(
            Fault::MiscountSubscribers(more),
            &["subscribers.mismatch==0"],
        );
    }
}

#[test]
fn finds_a_refused_publication() {
    let text = finds(Fault::RefusePublication, &["publish.errors==0"]);
    assert!(text.contains("1 http 503"), "{text}");
}

#[test]
fn shows_a_stall_in_the_latency_from_when_it_was_due() {
    let text = finds(Fault::Stall(Duration::from_millis(700)), &[]);
    let delivery = text
        .lines()
        .find(|line| line.trim_start().starts_with("delivery"))
        .expect("a delivery line");
    let p90 = delivery.split_whitespace().nth(2).expect("a p90");
    let p90: u64 = p90
        .strip_suffix("ms")
        .expect("milliseconds")
        .parse()
        .expect("whole");
    assert!(p90 >= 500, "{text}");
}

#[test]
fn counts_failed_connects_by_class() {
    // A server that speaks HTTP but upgrades nothing.
    let server = start(Fault::None);
    let output = loadtest(&server, "-c 3 --connect-timeout 1s --source-ips 127.0.0.7")
        .output()
        .expect("loadtest runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let refusing = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/ws", refusing.local_addr().expect("an address"));
    let api = format!("http://{}", server.addr());
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["-u", &url, "--api", &api, "-c", "3", "-d", "1s"])
        .args(["--connect-timeout", "300ms"])
        .output()
        .expect("loadtest runs");
    let text = text(&output);
    assert_eq!(output.status.code(), Some(99), "{text}");
    assert!(text.contains("3 upgrade: timeout"), "{text}");
}

#[test]
fn says_how_to_mend_what_is_not_ready() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = closed.local_addr().expect("an address");
    drop(closed);
    for (args, code, fix) in [
        (format!("-u ws://{addr}/ws"), 3, "fix: start the server"),
        ("-u ws://192.0.2.1:3000/ws".to_owned(), 3, "fix: add --yes"),
        (format!("-u ws://{addr}/ws -c 900k"), 3, "fix: "),
        (format!("-u ws://{addr}/ws -d 1h"), 3, "fix: --limit-time"),
        ("-c ten".to_owned(), 2, "ten"),
        ("--subs-per-conn 11".to_owned(), 2, "--subs-per-conn"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .args(args.split_whitespace())
            .output()
            .expect("loadtest runs");
        let text = text(&output);
        assert_eq!(output.status.code(), Some(code), "{args}: {text}");
        assert!(text.contains(fix), "{args}: {text}");
    }
}

#[test]
fn reports_when_it_is_interrupted() {
    let server = start(Fault::None);
    let begin = Instant::now();
    let mut child = loadtest(&server, "-d 60s").spawn().expect("loadtest runs");
    let mut lines = std::io::BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("publishing") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut lines, &mut line).expect("a line");
        assert!(read > 0, "it ended before it published");
    }
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id().try_into().expect("a pid")),
        nix::sys::signal::Signal::SIGINT,
    )
    .expect("the signal is sent");
    let output = child.wait_with_output().expect("it ends");
    drop(lines);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("interrupted: PASS until then"), "{text}");
    assert!(text.contains("delivered"), "{text}");
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn keeps_exact_books_while_sockets_leave_and_return() {
    let args = "--churn 100/s --subs-per-conn 2 -d 2s";
    finds_in("churn", args, Fault::None, &[]);
    let text = finds_in("churn", args, Fault::DropEvery100th, &["loss.silent==0"]);
    // Of some 40 drops, those before an interval's first event are owed to nobody.
    let lost = text.split("silent loss ").nth(1).expect("a count");
    let lost = lost.split(' ').next().expect("a number").parse::<u32>();
    assert!(lost.is_ok_and(|lost| (20..=42).contains(&lost)), "{text}");
    assert!(text.contains("--only-conn"), "{text}");
}

#[test]
fn sees_everyone_return_from_a_storm() {
    for args in ["--drop rst", "--drop fin --reconnect jitter:500ms"] {
        let args = format!("{args} --storm-at 500ms -d 2s");
        let text = finds_in("storm", &args, Fault::None, &[]);
        assert!(text.contains("dropped 50 "), "{text}");
    }
}

const HEARTBEAT: &str = "-c 100 -r 20/s -d 6s --turn-at 1s --no-pong 10% --black-hole 10% --half-open 10% \
    --pong-late 10% --ping-interval 300ms --pong-timeout 900ms";

#[test]
fn sees_the_dead_closed_and_no_one_else() {
    let text = finds_in("heartbeat", HEARTBEAT, Fault::None, &[]);
    assert!(text.contains("survivors 0"), "{text}");
}

#[test]
fn finds_the_dead_that_are_never_closed() {
    let failed = ["heartbeat.survivors==0"];
    finds_in("heartbeat", HEARTBEAT, Fault::NeverCloseDead, &failed);
}

#[test]
fn finds_the_dead_that_are_closed_late() {
    let fault = Fault::CloseDeadLate(Duration::from_millis(2600));
    finds_in("heartbeat", HEARTBEAT, fault, &["heartbeat.late==0"]);
}

#[test]
fn finds_a_healthy_one_that_is_evicted() {
    // With this seed every socket of the channel that the fault shows on first is healthy.
    let args = format!("{HEARTBEAT} --seed 0");
    let text = finds_in(
        "heartbeat",
        &args,
        Fault::CloseOne,
        &["closes.unexpected==0"],
    );
    assert!(text.contains("replay: loadtest run heartbeat"), "{text}");
}

/// The ratio of two latencies means nothing on a machine that runs other tests.
const SLOW: &str = "-C 1 -r 50/s -s 8KiB -d 5s --turn-at 1s --slow 10% \
    --no-default-asserts --assert loss.silent==0 --assert closes.unexpected==0 \
    --assert slow.survivors==0 --assert slow.miscoded==0";

#[test]
fn sees_slow_ones_evicted() {
    finds_in("slow", SLOW, Fault::None, &[]);
}

#[test]
fn finds_slow_ones_that_are_kept() {
    finds_in("slow", SLOW, Fault::NeverEvict, &["slow.survivors==0"]);
}

#[test]
fn says_which_scenarios_wait_for_the_server() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "recovery"])
        .output()
        .expect("loadtest runs");
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("needs a server feature"));
}
