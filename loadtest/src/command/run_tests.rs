//! Whole runs against the null server.

use crate::cli::flags::Flags;
use crate::cli::scenario::Scenario;
use crate::cli::setup;
use crate::compare::direction;
use crate::dashboard::keys::KeyCommand;
use crate::dashboard::snapshot::Snapshot;
use crate::dashboard::thread::Dashboard;
use crate::null_server::{Behaviour, NullServer};
use crate::report::json::{self, tests::schema_errors};
use crate::result::metric::Metric;
use crate::run::conductor::Finished;
use crate::run::display::Display;
use crate::run::execute::execute_on;
use crate::verdict::known_metrics::is_known;
use crate::verdict::run_record::CutShort;
use clap::Parser;
use crossbeam_channel::bounded;
use std::thread;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    flags: Flags,
}

/// Runs against the null server. `keys` is called with every snapshot, and returns the keys to press.
fn watched(
    line: &str,
    mut keys: impl FnMut(&Snapshot) -> &'static [KeyCommand] + Send,
) -> Finished {
    let server =
        NullServer::start(([127, 0, 0, 1], 0).into(), Behaviour::default()).expect("a free port");
    let url = format!("ws://{}/ws", server.addr());
    let line = format!("loadtest --server-pid none -u {url} {line}");
    let flags = Line::parse_from(line.split(' ')).flags;
    let smoke = Scenario::find("smoke").expect("it is built in");
    let options = setup::options(smoke, flags).expect("the line is valid");
    let (dashboard, moments, pressed) = Dashboard::detached();
    let (_interrupt, interrupts) = bounded(1);
    thread::scope(|scope| {
        scope.spawn(move || {
            for moment in moments {
                for &key in keys(&moment) {
                    pressed.try_send(key).expect("there is room");
                }
            }
        });
        execute_on(options, interrupts, |_| Display::Dashboard(dashboard)).expect("it runs")
    })
}

#[test]
fn obeys_keys_and_keeps_exact_books() {
    let (mut step, mut still) = (0, 0);
    let (result, cut_short) = watched("-c 20 -C 2 -r 100/s -d 4s", |now| {
        let (next, keys): (bool, &[KeyCommand]) = match step {
            0 => (now.received > 0, &[KeyCommand::Storm, KeyCommand::Faster]),
            1 => (now.rate > 120.0 && now.open == 20, &[KeyCommand::Pause]),
            2 => {
                still = now.published;
                (now.paused && now.rows.len() > 1, &[])
            }
            // What was due before the pause may still have been on its way.
            3 => (now.published <= still + 20, &[KeyCommand::Pause]),
            _ => (false, &[]),
        };
        step += i32::from(next);
        if next { keys } else { &[] }
    });
    assert_eq!(cut_short, None);
    assert_eq!(step, 4, "{:?}", result.marks);
    // A busy machine may taint the run.
    let kinds: Vec<&str> = result
        .marks
        .iter()
        .map(|mark| mark.kind.as_str())
        .filter(|kind| *kind != "taint")
        .collect();
    assert_eq!(kinds, ["storm", "rate", "pause", "pause"]);
    assert!(result.passed, "{:?}", result.failures);
    let value = |name: &str| match result.metrics.get(name) {
        Some(Metric::Value { value, .. }) => *value,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(
        (value("storm.dropped"), value("storm.missing")),
        (20.0, 0.0)
    );
    assert_eq!((value("loss.silent"), value("publish.unsent")), (0.0, 0.0));
    assert!(value("publish.accepted") > 100.0);
}

#[test]
fn has_only_metrics_that_the_schema_and_the_comparison_know() {
    let lines = [
        "-c 10 -C 2 -r 50/s -d 1s",
        "-c 20 -C 2 -r 50/s -d 2s --storm-at 500ms --churn 5/s",
        "-c 20 -C 2 -r 50/s -d 2s --slow 20% --no-pong 20% --half-open 20%",
    ];
    for line in lines {
        let (result, _) = watched(line, |_| &[]);
        let document = serde_json::from_str(&json::render(&result)).expect("JSON");
        assert_eq!(schema_errors(&document), Vec::<String>::new(), "{line}");
        assert_eq!(
            direction::without_direction(&result),
            Vec::<&str>::new(),
            "{line}"
        );
        let unknown = result.metrics.keys().filter(|name| !is_known(name));
        assert_eq!(unknown.count(), 0, "{line}: {:?}", result.metrics.keys());
        assert!(!result.worst.is_empty(), "{line}");
        assert!(
            result
                .timeseries
                .iter()
                .any(|row| !row.latency_bins.is_empty())
        );
    }
}

#[test]
fn quits_with_a_result_up_to_then() {
    let (result, cut_short) = watched("-c 5 -C 1 -r 50/s -d 60s", |now| {
        if now.received > 0 {
            &[KeyCommand::Quit]
        } else {
            &[]
        }
    });
    assert_eq!(cut_short, Some(CutShort::Interrupted));
    assert!(result.run.duration_s < 30.0);
    assert!(result.passed, "{:?}", result.failures);
}
