//! The page that shows several hubs beside each other: the same load, the books, latency, costs, and how to repeat it.

use super::hub_notes::{not_asserted, warnings};
use super::hub_runs::HubRuns;
use super::page::{Block, Page};
use crate::base::units::{date, grouped};
use crate::result::metric::{Distribution, Metric};
use crate::result::run_result::RunResult;

/// The page. `load` says what every run did, `command` repeats it.
pub(crate) fn page(hubs: &[HubRuns], load: &str, command: &str) -> Page {
    let names: Vec<&str> = hubs.iter().map(|hub| hub.name.as_str()).collect();
    let mut page = Page {
        title: title(&names),
        blocks: vec![Block::Text(load.to_owned())],
    };
    let Some(first) = hubs.iter().find_map(|hub| hub.runs.first()) else {
        return page;
    };
    let host = &first.run.host;
    page.blocks.push(Block::Text(format!(
        "Measured on {}. Hubs and tester shared one machine: {} {}, {} cores, kernel {}. The hubs took turns, so that \
         what else the machine did affected all of them. Latency counts from when a publication was due, not from when \
         it was sent, and every delivery is counted. Tester: loadtest {}.",
        date(first.run.started_unix_ms),
        host.os,
        host.arch,
        host.cores,
        host.kernel,
        first.run.versions.get("loadtest").map_or("", String::as_str),
    )));
    let warnings = warnings(hubs);
    if !warnings.is_empty() {
        page.blocks
            .push(Block::Heading("Before you compare".to_owned()));
        page.blocks.push(Block::List(warnings));
    }
    page.blocks.push(Block::Heading("Books".to_owned()));
    page.blocks.push(books(hubs));
    page.blocks.push(Block::Heading(
        "Latency in milliseconds: the median of the runs (lowest to highest)".to_owned(),
    ));
    page.blocks.push(latency(hubs));
    page.blocks.push(Block::Heading(
        "Costs: the median of the runs (lowest to highest)".to_owned(),
    ));
    page.blocks.push(costs(hubs));
    let notes = not_asserted(hubs);
    if !notes.is_empty() {
        page.blocks
            .push(Block::Heading("What was not checked".to_owned()));
        page.blocks.push(Block::List(notes));
    }
    page.blocks.push(Block::Heading("Each run".to_owned()));
    page.blocks.push(each_run(hubs));
    page.blocks.push(Block::Heading("To repeat it".to_owned()));
    page.blocks.push(Block::Commands(vec![
        "# Start the hubs first. loadtest/targets/ has scripts for several.".to_owned(),
        command.to_owned(),
    ]));
    page.blocks
        .push(Block::Text("Or one hub alone:".to_owned()));
    let alone = hubs.iter().filter_map(|hub| hub.runs.first());
    let alone = alone.map(|run| format!("{} --seed {}", run.run.cmd, run.run.seed));
    page.blocks.push(Block::Commands(alone.collect()));
    page
}

fn title(names: &[&str]) -> String {
    match names {
        [first, second] => format!("{first} beside {second}"),
        [rest @ .., last] if rest.len() > 1 => format!("{} and {last}", rest.join(", ")),
        _ => names.join(", "),
    }
}

fn value(run: &RunResult, name: &str) -> Option<f64> {
    match run.metrics.get(name)? {
        Metric::Value { value, .. } => Some(*value),
        Metric::Distribution(_) => None,
    }
}

fn distribution<'a>(run: &'a RunResult, name: &str) -> Option<&'a Distribution> {
    match run.metrics.get(name)? {
        Metric::Distribution(values) => Some(values).filter(|values| values.count > 0),
        Metric::Value { .. } => None,
    }
}

/// The name of a row, and its cell for a hub.
type TableRow<'a> = (&'a str, &'a dyn Fn(&HubRuns) -> String);

/// A table with one column per hub.
fn table(hubs: &[HubRuns], rows: &[TableRow<'_>]) -> Block {
    let mut all = vec![vec![String::new()]];
    all[0].extend(hubs.iter().map(|hub| hub.name.clone()));
    for (name, cell) in rows {
        let mut row = vec![(*name).to_owned()];
        row.extend(hubs.iter().map(cell));
        all.push(row);
    }
    Block::Table(all)
}

fn books(hubs: &[HubRuns]) -> Block {
    let sum = |name: &'static str| {
        move |hub: &HubRuns| {
            let values = hub.runs.iter().filter_map(|run| value(run, name));
            grouped(values.sum::<f64>() as u64)
        }
    };
    table(
        hubs,
        &[
            ("publications accepted", &sum("publish.accepted")),
            ("publications failed or not sent in time", &|hub| {
                let of = |run, name| value(run, name).unwrap_or_default();
                let failed = hub
                    .runs
                    .iter()
                    .map(|run| of(run, "publish.errors") + of(run, "publish.unsent"));
                grouped(failed.sum::<f64>() as u64)
            }),
            ("deliveries expected", &sum("expected")),
            ("deliveries received", &sum("received")),
            ("lost silently", &sum("loss.silent")),
            ("declared lost", &sum("loss.declared")),
            ("duplicates", &sum("dups")),
            ("out of order", &sum("reorders")),
            ("in the wrong place", &sum("foreign")),
            ("sockets not opened", &sum("connect.errors")),
            ("sockets closed by the hub", &sum("closes.unexpected")),
        ],
    )
}

/// Milliseconds with about three digits: more say nothing.
fn ms(value: f64) -> String {
    let digits = match value {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// The median and the range of what the runs say; `-` if they say nothing.
fn spread(values: impl Iterator<Item = f64>, digits: usize) -> String {
    spread_as(values, |value| format!("{value:.digits$}"))
}

fn spread_as(values: impl Iterator<Item = f64>, shown: impl Fn(f64) -> String) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) = (values.first(), values.last()) else {
        return "-".to_owned();
    };
    let half = values.len() / 2;
    let middle = if values.len().is_multiple_of(2) {
        f64::midpoint(values[half - 1], values[half])
    } else {
        values[half]
    };
    if values.len() == 1 {
        return shown(middle);
    }
    format!("{} ({} to {})", shown(middle), shown(*low), shown(*high))
}

fn latency(hubs: &[HubRuns]) -> Block {
    let of = |name: &'static str, figure: fn(&Distribution) -> f64| {
        move |hub: &HubRuns| {
            let values = hub.runs.iter().filter_map(|run| distribution(run, name));
            spread_as(values.map(figure), ms)
        }
    };
    table(
        hubs,
        &[
            ("delivery p50", &of("delivery", |d| d.p50)),
            ("delivery p90", &of("delivery", |d| d.p90)),
            ("delivery p99", &of("delivery", |d| d.p99)),
            ("delivery p99.9", &of("delivery", |d| d.p999)),
            ("delivery max", &of("delivery", |d| d.max)),
            (
                "publication acknowledged p50",
                &of("publish.ack", |d| d.p50),
            ),
            (
                "publication acknowledged p99",
                &of("publish.ack", |d| d.p99),
            ),
            ("socket ready p50", &of("connect.ready", |d| d.p50)),
            ("socket ready p99", &of("connect.ready", |d| d.p99)),
        ],
    )
}

fn costs(hubs: &[HubRuns]) -> Block {
    let server = |figure: fn(&RunResult) -> Option<f64>, digits: usize| {
        move |hub: &HubRuns| spread(hub.runs.iter().filter_map(figure), digits)
    };
    table(
        hubs,
        &[
            (
                "processor of the hub, cores",
                &server(|run| Some(run.server.as_ref()?.cpu_avg), 2),
            ),
            (
                "the same per delivery, µs",
                &server(
                    |run| {
                        let seconds = run.run.duration_s;
                        let received = value(run, "received").filter(|count| *count > 0.0)?;
                        Some(run.server.as_ref()?.cpu_avg * seconds * 1e6 / received)
                    },
                    1,
                ),
            ),
            (
                "memory of the hub at most, MiB",
                &server(
                    |run| Some(run.server.as_ref()?.rss_peak_kib as f64 / 1024.0),
                    0,
                ),
            ),
            (
                "memory per connection, KiB",
                // A process that collects garbage may shrink while sockets are opened.
                &server(
                    |run| run.server.as_ref()?.kib_per_conn.filter(|kib| *kib > 0.0),
                    1,
                ),
            ),
            (
                "processor of the tester, cores",
                &server(|run| Some(run.tester.cpu_avg), 2),
            ),
        ],
    )
}

fn each_run(hubs: &[HubRuns]) -> Block {
    let head = ["run", "verdict", "p50 ms", "p99 ms", "cores", "MiB"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for nth in 0..hubs.iter().map(|hub| hub.runs.len()).max().unwrap_or(0) {
        for hub in hubs {
            let Some(run) = hub.runs.get(nth) else {
                continue;
            };
            let delivery = distribution(run, "delivery");
            let figure = |of: fn(&Distribution) -> f64| {
                delivery.map_or_else(|| "-".to_owned(), |values| ms(of(values)))
            };
            let server = run.server.as_ref();
            rows.push(vec![
                format!("{} {}", nth + 1, hub.name),
                match (run.passed, run.valid) {
                    (false, _) => "FAIL",
                    (true, false) => "PASS, tainted",
                    (true, true) => "PASS",
                }
                .to_owned(),
                figure(|d| d.p50),
                figure(|d| d.p99),
                server.map_or_else(|| "-".to_owned(), |own| format!("{:.2}", own.cpu_avg)),
                server.map_or_else(
                    || "-".to_owned(),
                    |own| (own.rss_peak_kib / 1024).to_string(),
                ),
            ]);
        }
    }
    Block::Table(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn names_every_hub_in_the_title() {
        assert_eq!(title(&["a", "b"]), "a beside b");
        assert_eq!(title(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn shows_median_and_range() {
        assert_eq!(spread([3.0, 1.0, 2.0].into_iter(), 1), "2.0 (1.0 to 3.0)");
        assert_eq!(spread([3.0, 1.0].into_iter(), 0), "2 (1 to 3)");
        assert_eq!(spread([3.0].into_iter(), 0), "3");
        assert_eq!(spread([].into_iter(), 0), "-");
        let all = [581.12, 9.996, 44.8];
        assert_eq!(spread_as(all.into_iter(), ms), "44.8 (10.00 to 581)");
    }

    #[test]
    fn shows_hubs_beside_each_other() {
        let hub = |name: &str, runs: usize| HubRuns {
            name: name.to_owned(),
            runs: vec![sample::passed(); runs],
        };
        let of = |hubs: &[HubRuns]| page(hubs, "the load", "compare a b").markdown();
        let mut tainted = hub("c", 1);
        tainted.runs[0].valid = false;
        let warned = of(&[hub("a", 1), tainted]);
        let place = |text: &str| warned.find(text).expect("it is there");
        assert!(place("## Before you compare\n\n- In 1 of 2 runs") < place("## Books"));
        let page = of(&[hub("a", 2), hub("b", 1)]);
        assert!(page.starts_with("# a beside b\n\nthe load\n"), "{page}");
        for part in [
            "|  | a | b |",
            "| lost silently | ",
            "| delivery p99 | ",
            "compare a b",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(page.matches("| 2 a | ").count(), 1, "{page}");
        assert!(!page.contains("Before you compare"), "{page}");
    }
}
