//! Misbehaving clients, and what the server must do about them.

use crate::support::{STRICT, finds_as, finds_in, side_by_side, start_as, text};
use loadtest::null_server::{Behaviour, Fault};
use std::process::Command;
use std::time::Duration;

#[test]
fn sees_every_protocol_violation_answered() {
    let args = "-c 20 -r 20/s";
    let text = finds_in("adversarial", args, Fault::None, &[]);
    assert!(text.contains("wrong 0"), "{text}");
    finds_in(
        "adversarial",
        args,
        Fault::CloseViolationsAs(1000),
        &["attacks.wrong==0"],
    );
}

/// Unresponsive sockets must be closed within 4 s of the start of the faults.
const HEARTBEAT: &str = "-c 100 -r 20/s -d 5s --turn-at 500ms --no-pong 10% --black-hole 10% --half-open 10% \
    --pong-late 10% --ping-interval 400ms --pong-timeout 1600ms";

#[test]
fn sees_unresponsive_sockets_closed_and_no_others() {
    let text = finds_as("heartbeat", HEARTBEAT, STRICT, &[]);
    assert!(text.contains("survivors 0"), "{text}");
}

#[test]
fn asks_the_server_for_its_heartbeat() {
    let cohorts = "-c 100 -r 20/s --turn-at 500ms --no-pong 10% --black-hole 10% --pong-late 10%";
    let telling = Behaviour {
        tells_heartbeat: true,
        ..STRICT
    };
    let server = start_as(telling);
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "heartbeat", "--server-pid", "none", "--allow-taint"])
        .args(cohorts.split_whitespace())
        .args(["-u", &format!("ws://{}/ws", server.addr())])
        .output()
        .expect("loadtest runs");
    let all = text(&output);
    assert_eq!(output.status.code(), Some(0), "{all}");
    let known = "the server has --ping-interval 400ms --pong-timeout 1.6s";
    assert!(all.contains(known), "{all}");
    // As long as that takes: until 500 ms, then 400 ms, 1.6 s and 2 s of grace, and 1 s more.
    assert!(all.contains("  20/s  5.5s  "), "{all}");
    assert!(all.contains("survivors 0"), "{all}");
    // Flags are believed rather than the server.
    let wrong = format!("{cohorts} -d 5s --ping-interval 3s --pong-timeout 9s --pong-late 0%");
    let text = finds_as("heartbeat", &wrong, telling, &["heartbeat.early==0"]);
    assert!(text.contains("as the flags say"), "{text}");
    // A server that does not tell them is assumed to have the defaults, which this one has not.
    let text = finds_as(
        "heartbeat",
        &format!("{cohorts} -d 3s --pong-late 0%"),
        STRICT,
        &["heartbeat.early==0"],
    );
    let assumed = "does not tell its heartbeat: assumes --ping-interval 30s --pong-timeout 90s";
    assert!(text.contains(assumed), "{text}");
}

#[test]
fn finds_unresponsive_sockets_kept_or_closed_too_early_too_late_or_with_a_wrong_code() {
    let late = Fault::CloseDeadLate(Duration::from_secs(3));
    // If the tester assumes longer timeouts, the correct server closes too early.
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
fn finds_late_pongs_that_are_not_accepted() {
    // Pongs count so late that only sockets with late pongs exceed the timeout.
    let behaviour = Behaviour {
        fault: Fault::CountPongsLate(Duration::from_millis(1500)),
        pong_timeout: Duration::from_secs(2),
        ..STRICT
    };
    let args = "-c 50 -r 20/s -d 5s --turn-at 500ms --pong-late 20% --ping-interval 400ms --pong-timeout 1600ms";
    let text = finds_as("heartbeat", args, behaviour, &["closes.unexpected==0"]);
    assert!(text.contains("(pong-late): closed"), "{text}");
}

#[test]
fn finds_a_healthy_socket_that_is_evicted() {
    // With this seed, all sockets of the channel that the fault affects are healthy.
    let args = format!("{HEARTBEAT} --seed 0");
    let fault = Fault::CloseOne;
    let failed = ["closes.unexpected==0"];
    let text = finds_as("heartbeat", &args, Behaviour { fault, ..STRICT }, &failed);
    assert!(text.contains("replay: loadtest run heartbeat"), "{text}");
}

/// Without `slow.isolation`: the ratio of two latencies means nothing while other tests are running.
const SLOW: &str = "-c 20 -C 1 -r 50/s -s 8KiB -d 6s --turn-at 500ms --slow 20% \
    --no-default-asserts --assert loss.silent==0 --assert closes.unexpected==0 --assert slow.survivors==0 \
    --assert slow.miscoded==0 --assert server.evictions_uncounted==0";

#[test]
fn sees_slow_sockets_evicted() {
    finds_in("slow", SLOW, Fault::None, &[]);
}

#[test]
fn finds_slow_sockets_that_are_kept_or_not_counted() {
    let cases: [(Fault, &[&str]); 2] = [
        (Fault::NeverEvict, &["slow.survivors==0"]),
        (Fault::EvictUncounted, &["server.evictions_uncounted==0"]),
    ];
    side_by_side(cases.map(|(fault, failed)| move || _ = finds_in("slow", SLOW, fault, failed)));
}

#[test]
fn reads_why_a_slow_socket_is_evicted() {
    // The slow sockets read fast enough to reach the Close frame.
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
