//! Timing: stalls, delays and lateness.

use crate::support::{finds_in, run_strictly, side_by_side, start, text};
use loadtest::null_server::Fault;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::{Child, Output};
use std::time::Duration;

/// A figure from the latency table of the report, in milliseconds.
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
    // 180 of 200 publications are due while the server is stalled. A closed loop would have sent one of them.
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
fn shows_that_one_client_receives_late() {
    let late = Fault::DelayOne(Duration::from_millis(1500));
    let args = "--drain 5s --assert delivery.p50<1s --assert delivery.max<1500ms";
    finds_in("smoke", args, late, &["delivery.max<1500ms"]);
}

#[test]
fn finds_handshakes_that_take_too_long() {
    let args = "--churn 20/s";
    finds_in("connect", args, Fault::None, &[]);
    let slow = Fault::SlowUpgrade(Duration::from_millis(1100));
    finds_in("connect", args, slow, &["connect.ready.p99<1s"]);
}

/// Stops the tester and lets it go on, again and again until it ends.
fn interrupt_until_it_ends(mut tester: Child) -> Output {
    let pid = Pid::from_raw(tester.id().try_into().expect("a pid"));
    while tester.try_wait().expect("a status").is_none() {
        for (signal, millis) in [(Signal::SIGSTOP, 400), (Signal::SIGCONT, 200)] {
            kill(pid, signal).expect("the signal is sent");
            let _ = crossbeam_channel::after(Duration::from_millis(millis)).recv();
        }
    }
    tester.wait_with_output().expect("it has ended")
}

#[test]
fn exits_with_98_when_every_assertion_held_but_the_tester_was_late() {
    // What is due while the tester is stopped is sent up to 400 ms late.
    side_by_side([("", 98), ("--allow-taint", 0)].map(|(flag, code)| {
        move || {
            let server = start(Fault::None);
            let args = format!("-c 5 -r 10/s -d 3s {flag}");
            let mut command = run_strictly("smoke", &server, &args);
            let output = interrupt_until_it_ends(command.spawn().expect("loadtest runs"));
            let text = text(&output);
            assert_eq!(output.status.code(), Some(code), "{args}: {text}");
            assert!(text.contains("\nTAINTED: "), "{text}");
            assert!(text.contains("sending was "), "{text}");
            assert!(text.contains("\nPASS\n"), "{text}");
        }
    }));
}
