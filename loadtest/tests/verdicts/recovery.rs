//! Positions and gaps: what the server declares missing, and what it must replay.

use crate::support::{BEHAVIOUR, figure, finds_as, finds_in, run, side_by_side, start_as, text};
use loadtest::null_server::{Behaviour, Fault};
use std::time::Duration;

/// There are 5 channels with 10 subscribers each, so every publication is expected 10 times.
const RECOVERY: &str = "-d 2s --drops 40/s --reconnect jitter:600ms";

const KEEPS: Behaviour = Behaviour {
    history: 1000,
    // Room for a replay and what follows it.
    outbox: 1000,
    ..BEHAVIOUR
};

#[test]
fn counts_a_gap_notice_as_declared_loss() {
    for engine in ["lean", "tungstenite"] {
        let args = format!("--engine {engine} --publishers 2");
        let text = finds_in("smoke", &args, Fault::DeclareEvery(100), &[]);
        assert_eq!(figure(&text, "declared"), 10, "{text}");
        assert!(text.contains("silent loss 0 "), "{text}");
        // Draining does not wait for what was declared missing.
        assert!(text.contains("drained in 0."), "{text}");
    }
}

#[test]
fn sees_positions_recovered() {
    let text = finds_as("recovery", RECOVERY, KEEPS, &[]);
    assert!(figure(&text, "recovered") >= 20, "{text}");
    assert!(text.contains("2,000 of 2,000 expected"), "{text}");
}

#[test]
fn finds_what_a_replay_does_wrong() {
    let cases: [(Fault, &[&str]); 3] = [
        (Fault::SkipReplayed, &["loss.silent==0"]),
        (Fault::RepeatReplayed, &["dups==0"]),
        (Fault::WrongReplayOffset, &["recovery.wrong==0"]),
    ];
    side_by_side(cases.map(|(fault, failed)| {
        move || _ = finds_as("recovery", RECOVERY, Behaviour { fault, ..KEEPS }, failed)
    }));
}

/// Keeps so few publications that most positions are gone.
const FORGETS: Behaviour = Behaviour {
    history: 2,
    ..KEEPS
};

#[test]
fn finds_a_position_that_is_falsely_reported_as_recovered() {
    let fault = Fault::ClaimRecovered;
    let behaviour = Behaviour { fault, ..FORGETS };
    finds_as("recovery", RECOVERY, behaviour, &["loss.silent==0"]);
}

/// `books.difference` is asserted too: received and declared must add up to what was expected.
#[test]
fn counts_exactly_what_a_refused_position_costs() {
    for publishers in [1, 2] {
        let args = format!("{RECOVERY} --publishers {publishers}");
        let text = finds_as("recovery", &args, FORGETS, &["recovery.refused==0"]);
        assert!(figure(&text, "refused") > 0, "{text}");
        assert!(figure(&text, "declared") > 0, "{text}");
        assert!(text.contains("ok    books.difference==0"), "{text}");
    }
}

#[test]
fn counts_gaps_and_refusals_together() {
    let behaviour = Behaviour {
        fault: Fault::DeclareEvery(50),
        ping_interval: Duration::ZERO,
        ..FORGETS
    };
    let text = finds_as("recovery", RECOVERY, behaviour, &["recovery.refused==0"]);
    assert!(figure(&text, "declared") >= 20, "{text}");
}

/// The scenarios that `verify` ran, and those it skipped.
fn verified(behaviour: Behaviour) -> (Vec<String>, Vec<String>) {
    let server = start_as(behaviour);
    // This is only about which scenarios run; evictions are tested elsewhere.
    let args = "-c 20 -r 20/s --no-default-asserts --assert loss.silent==0";
    let output = run("verify", &server, args).output().expect("it runs");
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let (_, summary) = text.split_once("verify in ").expect("a summary");
    let named = |what: &str| {
        summary
            .lines()
            .filter(|line| line.contains(what))
            .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
            .collect()
    };
    (named("  Pass"), named("skipped: "))
}

#[test]
fn verifies_recovery_where_there_are_positions() {
    let steady = ["smoke", "churn", "storm", "adversarial", "slow"];
    side_by_side(
        [
            (BEHAVIOUR, &["heartbeat", "recovery"][..]),
            (KEEPS, &["heartbeat"]),
        ]
        .map(|(behaviour, missing)| {
            move || {
                let (mut ran, skipped) = verified(behaviour);
                assert_eq!(skipped, missing);
                if !missing.contains(&"recovery") {
                    assert_eq!(ran.pop().as_deref(), Some("recovery"));
                }
                assert_eq!(ran, steady);
            }
        }),
    );
}
