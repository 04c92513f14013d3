//! Sockets that leave or are dropped, and reconnect.

use crate::support::{finds_in, side_by_side};
use loadtest::null_server::Fault;

#[test]
fn keeps_exact_books_while_sockets_leave_and_reconnect() {
    let args = "--churn 100/s --subs-per-conn 2 -r 50/s -d 2s";
    finds_in("churn", args, Fault::None, &[]);
    let text = finds_in("churn", args, Fault::DropEvery(100), &["loss.silent==0"]);
    // Of about 20 skipped deliveries, those before the first event of an interval are not expected.
    let lost = text.split("silent loss ").nth(1).expect("a count");
    let lost = lost.split(' ').next().expect("a number").parse::<u32>();
    assert!(lost.is_ok_and(|lost| (10..=21).contains(&lost)), "{text}");
    assert!(text.contains("--only-conn"), "{text}");
}

#[test]
fn finds_unsubscribes_that_are_never_confirmed() {
    let forgets = Fault::IgnoreLeavesAfter(20);
    finds_in("churn", "--churn 50/s", forgets, &["churn.stuck==0"]);
}

#[test]
fn sees_all_sockets_reconnect_after_a_storm() {
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
fn finds_sockets_that_do_not_reconnect_after_a_storm() {
    let hangs = Fault::HangUpgradesAfter(90);
    let args = "--storm-at 300ms -d 1s";
    let text = finds_in("storm", args, hangs, &["storm.missing==0"]);
    assert!(text.contains("missing 10 "), "{text}");
}
