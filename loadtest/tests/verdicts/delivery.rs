//! Deliveries: lost, duplicated, reordered, misdirected.

use crate::support::{BEHAVIOUR, finds, finds_as, finds_in, loadtest, side_by_side, start, text};
use loadtest::null_server::{Behaviour, Fault};

#[test]
fn passes_a_correct_server() {
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
        "pings must be answered: {}",
        server.pongs()
    );
}

/// Faults in publishing, and the only assertion that each must fail.
const FAULTS: [(Fault, &[&str]); 7] = [
    (Fault::DropEvery(1000), &["loss.silent==0"]),
    (Fault::DuplicateOne, &["dups==0"]),
    (Fault::SwapTwo, &["reorders==0"]),
    (Fault::ForeignChannel, &["foreign==0"]),
    (Fault::MalformedOne, &["malformed==0"]),
    (Fault::ErrorOne, &["errors==0"]),
    (Fault::GapWithoutLoss, &["gaps.excess==0"]),
];

#[test]
fn finds_exactly_the_fault_of_a_server() {
    side_by_side(FAULTS.map(|(fault, failed)| move || _ = finds(fault, failed)));
}

#[test]
fn reaches_the_same_verdicts_with_tungstenite_as_reader() {
    let engine = "--engine tungstenite";
    let text = finds_in("smoke", engine, Fault::None, &[]);
    assert!(text.contains("1,000 of 1,000 expected"), "{text}");
    side_by_side(
        FAULTS.map(|(fault, failed)| move || _ = finds_in("smoke", engine, fault, failed)),
    );
}

#[test]
fn counts_a_loss_exactly() {
    let text = finds(Fault::DropEvery(100), &["loss.silent==0"]);
    assert!(text.contains("silent loss 10 "), "{text}");
}

/// A server that does many things wrong at once. None of them hides another, and each is counted exactly.
#[test]
fn counts_many_faults_at_once_exactly() {
    let behaviour = Behaviour {
        // Of 1,000 deliveries: 200, 400, … are lost, and 300 and 900 are declared; 600 is lost already.
        fault: Fault::DropEvery(200),
        more_faults: &[
            Fault::DeclareEvery(300),
            Fault::DuplicateOne,
            Fault::SwapTwo,
            Fault::ForeignChannel,
            Fault::MalformedOne,
            Fault::ErrorOne,
            Fault::GapWithoutLoss,
            Fault::MiscountSubscribers(1),
        ],
        ..BEHAVIOUR
    };
    let failed = [
        "loss.silent==0",
        "gaps.excess==0",
        "dups==0",
        "reorders==0",
        "foreign==0",
        "malformed==0",
        "errors==0",
        "subscribers.mismatch==0",
    ];
    let text = finds_as("smoke", "", behaviour, &failed);
    assert!(text.contains("993 of 1,000 expected"), "{text}");
    let counts = "silent loss 5   declared 2   dup 1   reordered 1   foreign 1   malformed 1";
    assert!(text.contains(counts), "{text}");
}

#[test]
fn finds_an_event_that_was_refused_but_delivered_even_if_another_is_lost() {
    let behaviour = Behaviour {
        fault: Fault::RejectButDeliver,
        more_faults: &[Fault::DropEvery(1000)],
        ..BEHAVIOUR
    };
    let failed = ["publish.errors==0", "loss.silent==0", "books.difference==0"];
    let text = finds_as("smoke", "", behaviour, &failed);
    assert!(text.contains("999 of 990 expected"), "{text}");
    assert!(text.contains("silent loss 1 "), "{text}");
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
    let text = finds(Fault::RejectPublication, &["publish.errors==0"]);
    assert!(text.contains("1 http 503"), "{text}");
}

#[test]
fn keeps_exact_books_of_rooms() {
    let args = "-c 60 -C 3";
    let text = finds_in("rooms", args, Fault::None, &[]);
    // Each of 100 messages goes to 19 others, and each of three rooms announces 0 + 1 + … + 19 joins.
    assert!(text.contains("1,900 of 1,900 expected"), "{text}");
    assert!(text.contains("570 joins announced"), "{text}");
    let cases: [(Fault, &[&str]); 4] = [
        (Fault::None, &[]),
        (Fault::DropEvery(1000), &["loss.silent==0"]),
        (Fault::EchoToSender, &["foreign==0"]),
        (Fault::SkipJoinNotice, &["announcements.difference==0"]),
    ];
    side_by_side(cases.map(|(fault, failed)| {
        move || {
            let args = format!("{args} --engine tungstenite");
            finds_in("rooms", &args, fault, failed);
        }
    }));
}
