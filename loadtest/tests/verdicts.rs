//! Runs the real binary against servers that lie in one way each: it must find that, and nothing else.

use loadtest::null_server::{Behaviour, Fault, NullServer};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Pings often, but closes nobody for it: the machine may have other work.
const BEHAVIOUR: Behaviour = Behaviour {
    fault: Fault::None,
    coalesce: Duration::ZERO,
    ping_every: Duration::from_millis(300),
    pong_timeout: Duration::from_secs(60),
    outbox: 50,
};

/// What the heartbeat tests tell the tester, too.
const STRICT: Behaviour = Behaviour {
    ping_every: Duration::from_millis(400),
    pong_timeout: Duration::from_millis(1600),
    ..BEHAVIOUR
};

fn start(fault: Fault) -> NullServer {
    start_as(Behaviour { fault, ..BEHAVIOUR })
}

fn start_as(behaviour: Behaviour) -> NullServer {
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
        .args(["-d", "1s", "--drain", "2s", "--allow-taint"])
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
    finds_as(scenario, args, Behaviour { fault, ..BEHAVIOUR }, failed)
}

#[track_caller]
fn finds_as(scenario: &str, args: &str, behaviour: Behaviour, failed: &[&str]) -> String {
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

/// Runs cases that mostly wait at the same time.
fn side_by_side(cases: impl IntoIterator<Item = impl FnOnce() + Send>) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(case);
        }
    });
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

/// What each sin of a publishing server turns red, and nothing else.
const SINS: [(Fault, &[&str]); 6] = [
    (Fault::DropEvery(1000), &["loss.silent==0"]),
    (Fault::DuplicateOne, &["dups==0"]),
    (Fault::SwapTwo, &["reorders==0"]),
    (Fault::ForeignChannel, &["foreign==0"]),
    (Fault::MalformedOne, &["malformed==0"]),
    (Fault::ErrorOne, &["errors==0"]),
];

#[test]
fn finds_exactly_what_a_server_does_wrong() {
    side_by_side(SINS.map(|(fault, failed)| move || _ = finds(fault, failed)));
}

#[test]
fn comes_to_the_same_verdicts_with_a_library_as_reader() {
    let engine = "--engine tungstenite";
    let text = finds_in("smoke", engine, Fault::None, &[]);
    assert!(text.contains("1,000 of 1,000 expected"), "{text}");
    side_by_side(SINS.map(|(fault, failed)| move || _ = finds_in("smoke", engine, fault, failed)));
}

#[test]
fn counts_a_loss_exactly() {
    let text = finds(Fault::DropEvery(100), &["loss.silent==0"]);
    assert!(text.contains("silent loss 10 "), "{text}");
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

/// A figure of the report's latency table, in milliseconds.
fn delivery_ms(text: &str, column: usize) -> u64 {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("delivery "))
        .expect("a delivery line");
    let figure = line.split_whitespace().nth(column).expect("a figure");
    match figure.strip_suffix("ms") {
        Some(ms) => ms.parse::<f64>().expect("a number") as u64,
        None => figure
            .strip_suffix('s')
            .and_then(|s| s.parse::<f64>().ok())
            .map_or(0, |s| (s * 1000.0) as u64),
    }
}

#[test]
fn shows_a_stall_in_the_latency_from_when_it_was_due() {
    // 180 of 200 publications are due while the server stands still: a closed loop would have sent one of them.
    let stall = Fault::Stall(Duration::from_secs(2));
    let args = "-d 2s --drain 5s --assert delivery.p99<1s";
    let text = finds_in("smoke", args, stall, &["delivery.p99<1s"]);
    let (p50, p99) = (delivery_ms(&text, 1), delivery_ms(&text, 3));
    assert!((1900..5000).contains(&p99), "p99 {p99}: {text}");
    assert!((500..4000).contains(&p50), "p50 {p50}: {text}");
}

#[test]
fn finds_publications_that_could_not_be_sent_in_time() {
    let stall = Fault::Stall(Duration::from_secs(3));
    finds_in("smoke", "--drain 500ms", stall, &["publish.unsent==0"]);
}

#[test]
fn shows_that_one_client_is_served_late() {
    let late = Fault::DelayOne(Duration::from_millis(1500));
    let args = "--drain 5s --assert delivery.p50<1s --assert delivery.max<1500ms";
    finds_in("smoke", args, late, &["delivery.max<1500ms"]);
}

#[test]
fn keeps_exact_books_of_rooms() {
    let args = "-c 60 -C 3";
    let text = finds_in("rooms", args, Fault::None, &[]);
    // Each of 100 messages goes to 19 others; each of three rooms announced 0 + 1 + … + 19 joins.
    assert!(text.contains("1,900 of 1,900 expected"), "{text}");
    assert!(text.contains("570 joins announced"), "{text}");
    let cases: [(Fault, &[&str]); 4] = [
        (Fault::None, &[]),
        (Fault::DropEvery(1000), &["loss.silent==0"]),
        (Fault::EchoToSender, &["foreign==0"]),
        (Fault::JoinUntold, &["announcements.difference==0"]),
    ];
    side_by_side(cases.map(|(fault, failed)| {
        move || {
            let args = format!("{args} --engine tungstenite");
            finds_in("rooms", &args, fault, failed);
        }
    }));
}

#[test]
fn finds_handshakes_that_take_too_long() {
    let args = "--churn 20/s";
    finds_in("connect", args, Fault::None, &[]);
    let slow = Fault::SlowUpgrade(Duration::from_millis(1100));
    finds_in("connect", args, slow, &["connect.ready.p99<1s"]);
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
    let args = "--churn 100/s --subs-per-conn 2 -r 50/s -d 2s";
    finds_in("churn", args, Fault::None, &[]);
    let text = finds_in("churn", args, Fault::DropEvery(100), &["loss.silent==0"]);
    // Of some 20 drops, those before an interval's first event are owed to nobody.
    let lost = text.split("silent loss ").nth(1).expect("a count");
    let lost = lost.split(' ').next().expect("a number").parse::<u32>();
    assert!(lost.is_ok_and(|lost| (10..=21).contains(&lost)), "{text}");
    assert!(text.contains("--only-conn"), "{text}");
}

#[test]
fn finds_departures_that_are_never_confirmed() {
    let forgets = Fault::ForgetLeavesAfter(20);
    finds_in("churn", "--churn 50/s", forgets, &["churn.stuck==0"]);
}

#[test]
fn sees_everyone_return_from_a_storm() {
    let ways = ["--drop rst", "--drop fin --reconnect jitter:500ms"];
    side_by_side(ways.map(|args| {
        move || {
            let args = format!("{args} --storm-at 500ms -d 2s");
            let text = finds_in("storm", &args, Fault::None, &[]);
            assert!(text.contains("dropped 50 "), "{text}");
        }
    }));
}

#[test]
fn finds_those_who_do_not_return_from_a_storm() {
    let hangs = Fault::HangUpgradesAfter(90);
    let args = "--storm-at 300ms -d 1s";
    let text = finds_in("storm", args, hangs, &["storm.missing==0"]);
    assert!(text.contains("missing 10 "), "{text}");
}

#[test]
fn sees_every_breach_of_the_protocol_refused() {
    let args = "-c 20 -r 20/s";
    let text = finds_in("adversarial", args, Fault::None, &[]);
    assert!(text.contains("wrong 0"), "{text}");
    finds_in(
        "adversarial",
        args,
        Fault::CloseBrokenAs(1000),
        &["attacks.wrong==0"],
    );
}

/// The last of the dead has to be closed 4 s after they fell silent.
const HEARTBEAT: &str = "-c 100 -r 20/s -d 5s --turn-at 500ms --no-pong 10% --black-hole 10% --half-open 10% \
    --pong-late 10% --ping-interval 400ms --pong-timeout 1600ms";

#[test]
fn sees_the_dead_closed_and_no_one_else() {
    let text = finds_as("heartbeat", HEARTBEAT, STRICT, &[]);
    assert!(text.contains("survivors 0"), "{text}");
}

#[test]
fn finds_the_dead_that_are_kept_or_closed_too_early_too_late_or_for_another_reason() {
    let late = Fault::CloseDeadLate(Duration::from_secs(3));
    // Told of a server with more patience, the tester takes the honest one for hasty.
    let patient = "--ping-interval 3s --pong-timeout 9s --pong-late 0%";
    let cases: [(Fault, &str, &[&str]); 4] = [
        (Fault::NeverCloseDead, "", &["heartbeat.survivors==0"]),
        (late, "-d 6s", &["heartbeat.late==0"]),
        (Fault::CloseDeadAs(1000), "", &["heartbeat.miscoded==0"]),
        (Fault::None, patient, &["heartbeat.early==0"]),
    ];
    side_by_side(cases.map(|(fault, more, failed)| {
        move || {
            let args = format!("{HEARTBEAT} {more}");
            finds_as("heartbeat", &args, Behaviour { fault, ..STRICT }, failed);
        }
    }));
}

#[test]
fn finds_that_late_pongs_are_not_heard_in_time() {
    // Each pong is heard so late that only those suffer whose pongs are late themselves.
    let deaf = Behaviour {
        fault: Fault::HearPongsLate(Duration::from_millis(1500)),
        pong_timeout: Duration::from_secs(2),
        ..STRICT
    };
    let args = "-c 50 -r 20/s -d 5s --turn-at 500ms --pong-late 20% --ping-interval 400ms --pong-timeout 1600ms";
    let text = finds_as("heartbeat", args, deaf, &["closes.unexpected==0"]);
    assert!(text.contains("(pong-late): closed"), "{text}");
}

#[test]
fn finds_a_healthy_one_that_is_evicted() {
    // With this seed every socket of the channel that the fault shows on first is healthy.
    let args = format!("{HEARTBEAT} --seed 0");
    let fault = Fault::CloseOne;
    let failed = ["closes.unexpected==0"];
    let text = finds_as("heartbeat", &args, Behaviour { fault, ..STRICT }, &failed);
    assert!(text.contains("replay: loadtest run heartbeat"), "{text}");
}

/// The ratio of two latencies means nothing on a machine that runs other tests.
const SLOW: &str = "-c 20 -C 1 -r 50/s -s 8KiB -d 6s --turn-at 500ms --slow 20% \
    --no-default-asserts --assert loss.silent==0 --assert closes.unexpected==0 --assert slow.survivors==0 \
    --assert slow.miscoded==0 --assert server.evictions_uncounted==0";

#[test]
fn sees_slow_ones_evicted() {
    finds_in("slow", SLOW, Fault::None, &[]);
}

#[test]
fn finds_slow_ones_that_are_kept_or_not_counted() {
    let cases: [(Fault, &[&str]); 2] = [
        (Fault::NeverEvict, &["slow.survivors==0"]),
        (Fault::EvictUncounted, &["server.evictions_uncounted==0"]),
    ];
    side_by_side(cases.map(|(fault, failed)| move || _ = finds_in("slow", SLOW, fault, failed)));
}

#[test]
fn reads_why_a_slow_one_is_evicted() {
    // They read enough to come to the Close frame.
    let args = format!("{SLOW} --slow-rate 64KiB/s -d 8s");
    let cases: [(Fault, &[&str]); 2] = [
        (Fault::EvictAs(1013), &[]),
        (Fault::EvictAs(1008), &["slow.miscoded==0"]),
    ];
    side_by_side(cases.map(|(fault, failed)| {
        let args = &args;
        move || {
            let text = finds_in("slow", args, fault, failed);
            assert_eq!(text.contains(" coded 0 "), !failed.is_empty(), "{text}");
        }
    }));
}

#[test]
fn takes_flags_from_a_file_and_from_the_environment() {
    let path = std::env::temp_dir().join(format!("loadtest-{}.toml", std::process::id()));
    let toml = "scenario = \"rooms\"\nconnections = 30\nchannels = 2\nassert = [\"received==140\", \"dups==1\"]";
    std::fs::write(&path, toml).expect("the file is written");
    let server = start(Fault::None);
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .arg("run")
        .arg(&path)
        .args(["-r", "10/s", "-u"])
        .arg(format!("ws://{}/ws", server.addr()))
        .env("LOADTEST_DURATION", "1s")
        .env("LOADTEST_ALLOW_TAINT", "1")
        .env("LOADTEST_SERVER_PID", "none")
        .output()
        .expect("loadtest runs");
    std::fs::remove_file(&path).expect("it is there");
    let text = text(&output);
    // 10 messages to 14 others.
    assert_eq!(failed_checks(&text), ["dups==1"], "{text}");
    assert_eq!(output.status.code(), Some(99), "{text}");
    assert!(
        text.contains(&format!("replay: loadtest run {}", path.display())),
        "{text}"
    );
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "no-such-file.toml"])
        .output()
        .expect("loadtest runs");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn says_which_scenarios_wait_for_the_server() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "presence"])
        .output()
        .expect("loadtest runs");
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("needs a server feature"));
}
