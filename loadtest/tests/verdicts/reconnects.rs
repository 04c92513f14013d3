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
fn accounts_for_what_nobody_was_owed_during_a_storm() {
    let args = "--storm-at 500ms --reconnect jitter:1500ms -d 4s";
    let text = finds_in("storm", args, Fault::None, &[]);
    let line = text.lines().find(|line| line.contains("not owed (away)"));
    let line = line.unwrap_or_else(|| panic!("no sum in {text}"));
    let numbers: Vec<u64> = line
        .split_whitespace()
        .filter_map(|word| word.replace(',', "").parse().ok())
        .collect();
    let [received, missing, not_owed, all] = numbers[..] else {
        panic!("{line}");
    };
    assert_eq!((missing, received + not_owed), (0, all), "{line}");
    // 50 sockets on 5 channels, 400 publications.
    assert_eq!(all, 4000, "{line}");
    assert!(not_owed > 0, "{line}");
    // The lowest number of deliveries in a second is less than what all sockets get.
    let slowest = text.split("slowest_second ").nth(1).expect("a figure");
    let slowest: u64 = slowest
        .split('/')
        .next()
        .expect("a number")
        .parse()
        .expect("a number");
    assert!(slowest < 1000, "{text}");
}

#[test]
fn finds_sockets_that_do_not_reconnect_after_a_storm() {
    let hangs = Fault::HangUpgradesAfter(90);
    let args = "--storm-at 300ms -d 1s";
    let text = finds_in("storm", args, hangs, &["storm.missing==0"]);
    assert!(text.contains("missing 10 "), "{text}");
}
