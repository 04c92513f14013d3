//! Stages: sockets and rate that change during a run.

use crate::support::{figure, start, text};
use loadtest::null_server::{Fault, NullServer};
use std::process::{Command, Output};

fn run(server: &NullServer, args: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "smoke", "-C", "5", "--drain", "2s", "--allow-taint"])
        .args(["--server-pid", "none", "-u"])
        .arg(format!("ws://{}/ws", server.addr()))
        .args(args.split_whitespace())
        .output()
        .expect("loadtest runs")
}

/// The row of a stage: sockets, published, delivered.
fn row(text: &str, stage: &str) -> Vec<u64> {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with(&format!("{stage} ")))
        .unwrap_or_else(|| panic!("no row of {stage} in {text}"));
    let cells = line.split_whitespace().skip(1).take(3);
    cells
        .map(|cell| cell.replace(',', "").parse().expect("a number"))
        .collect()
}

#[test]
fn opens_and_closes_sockets_in_stages_with_exact_books() {
    let server = start(Fault::None);
    let args = "--stages 40@500ms,40@500ms,10@500ms,30@500ms -r 100/s --workers 2";
    let output = run(&server, args);
    let all = text(&output);
    assert_eq!(output.status.code(), Some(0), "{all}");
    assert!(all.contains("up to 40 sockets"), "{all}");
    assert!(all.contains("  40 opened in stages "), "{all}");
    assert!(all.contains("  ok    conns.ready==40 "), "{all}");
    assert!(all.contains("  ok    churn.stuck==0 "), "{all}");
    let rows = [
        row(&all, "40@500ms"),
        row(&all, "10@500ms"),
        row(&all, "30@500ms"),
    ];
    assert_eq!(rows.each_ref().map(|row| row[1]), [50, 50, 50], "{all}");
    // On a busy machine, the last sockets may open and close a little later.
    assert!((20..=40).contains(&rows[0][0]), "{all}");
    assert!((10..36).contains(&rows[1][0]), "{all}");
    // Every stage is in the sum, and nothing else is.
    let delivered = figure(&all, "delivered    ");
    let stages = all.lines().filter(|line| line.contains("@500ms "));
    let sum: u64 = stages
        .filter(|line| line.starts_with("   "))
        .map(|line| line.split_whitespace().nth(3).expect("a cell"))
        .map(|cell| cell.replace(',', "").parse::<u64>().expect("a number"))
        .sum();
    assert_eq!(sum, delivered, "{all}");
}

#[test]
fn finds_what_is_lost_while_sockets_come_and_go() {
    let server = start(Fault::DropEvery(50));
    let args = "--stages 40@500ms,10@1s,40@500ms -r 100/s";
    let all = text(&run(&server, args));
    assert!(all.contains("  FAIL  loss.silent==0 "), "{all}");
    let (delivered, lost) = (figure(&all, "delivered    "), figure(&all, "silent loss"));
    // Of every 50 deliveries one is skipped; those before the first event of an interval are not expected.
    let skipped = (delivered + lost) / 50;
    assert!(
        (skipped / 2..=skipped + 1).contains(&lost),
        "{lost} of {skipped}: {all}"
    );
}

#[test]
fn finds_sockets_that_cannot_leave_a_stage() {
    let server = start(Fault::IgnoreLeavesAfter(5));
    let all = text(&run(&server, "--stages 30@300ms,0@300ms -r 50/s"));
    assert!(all.contains("  FAIL  churn.stuck==0 "), "{all}");
}

#[test]
fn changes_the_rate_in_stages() {
    let server = start(Fault::None);
    let args = "-c 10 --stages 200/s@1s,200/s@500ms,0/s@0s,0/s@500ms";
    let output = run(&server, args);
    let all = text(&output);
    assert_eq!(output.status.code(), Some(0), "{all}");
    // A triangle and a rectangle.
    assert!(all.contains("published     200 of 200 "), "{all}");
    assert!(all.contains("delivered     400 of 400 expected"), "{all}");
    assert_eq!(row(&all, "200/s@1s"), [10, 100, 200], "{all}");
    assert_eq!(row(&all, "200/s@500ms"), [10, 100, 200], "{all}");
    assert_eq!(row(&all, "0/s@500ms"), [10, 0, 0], "{all}");
}

#[test]
fn refuses_stages_before_the_run() {
    let server = start(Fault::None);
    for (args, why) in [
        ("--stages 1k", "--stages <STAGES>': `1k` is not a stage"),
        ("--stages 1k@soon", "--stages"),
        ("--stages 5@1s -d 1s", "leave out --duration"),
        ("--stages 5@1s -c 5", "leave out --connections"),
        ("--stages 5/s@1s -r 5/s", "leave out --rate"),
        (
            "--stages 5@1s --churn 5/s",
            "--stages can only set the rate",
        ),
        ("--stages 5@1s --slow 10%", "--stages can only set the rate"),
        (
            "--stages 5@1s --target ws",
            "does not confirm subscriptions",
        ),
        ("--stages 5@1s,1@1s --target nats", "close sockets"),
    ] {
        let output = run(&server, args);
        let all = text(&output);
        assert_eq!(output.status.code(), Some(2), "{args}: {all}");
        assert!(all.contains(why), "{args}: {all}");
    }
    for scenario in ["verify", "find-max"] {
        let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .args(["run", scenario, "--stages", "5@1s"])
            .output()
            .expect("loadtest runs");
        let all = text(&output);
        assert_eq!(output.status.code(), Some(2), "{all}");
        assert!(all.contains("--stages cannot be used with"), "{all}");
    }
}
