//! Sockets that leave, are dropped, and come back.

use crate::support::{finds_in, side_by_side};
use loadtest::null_server::Fault;

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
    let forgets = Fault::IgnoreLeavesAfter(20);
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
