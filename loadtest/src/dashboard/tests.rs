//! What the dashboard draws, in memory.

use super::screen::draw;
use super::snapshot::{Figures, Snapshot, Title};
use super::theme::{ColorChoice, Theme};
use super::thread::Dashboard;
use crate::plan::phase::Phase;
use crate::result::run_result::Row;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};
use std::time::Duration;

fn snapshot() -> Box<Snapshot> {
    let row = |second: u32| Row {
        at_s: f64::from(second),
        published: 100,
        received: 10_000,
        p50_ms: Some(1.9),
        p99_ms: Some(f64::from(second % 8) + 1.0),
        server_cpu: Some(0.25 * f64::from(second % 5)),
        server_rss_kib: Some(20_480 + 1024 * u64::from(second)),
        server_fds: Some(1_031),
        tester_cpu: 0.55,
        ..Row::default()
    };
    let figures = |count, p50, p99, p999, max| Figures {
        count,
        p50,
        p99,
        p999,
        max,
    };
    Box::new(Snapshot {
        phase: Phase::Publish,
        elapsed: Duration::from_secs(83),
        planned: Duration::from_secs(300),
        open: 999,
        sockets: 1000,
        connect_rate: 2000.0,
        connect_failed: 1,
        evicted: 7,
        closed: 0,
        rate: 100.0,
        paused: false,
        published: 8_300,
        publish_failed: 0,
        received: 830_000,
        lost: 3,
        declared: 0,
        duplicates: 0,
        reorders: 0,
        foreign: 0,
        ack: figures(8_300, 700, 3_200, 5_000, 9_000),
        delivery: figures(830_000, 1_900, 11_400, 38_000, 71_200),
        recent: figures(100_000, 1_800, 10_900, 20_000, 31_000),
        server_pid: Some(4242),
        send_lag_p99_us: 300,
        loop_lag_p99_us: 1_500,
        taint: Vec::new(),
        rows: (0..83).map(row).collect(),
        notes: (0..20).map(|n| format!("01:{n:02}  storm  {n}")).collect(),
    })
}

fn screen(width: u16, height: u16, now: Option<&Snapshot>, help: bool) -> TestBackend {
    let title = Title {
        scenario: "rooms".to_owned(),
        target: "127.0.0.1:3000".to_owned(),
        seed: 42,
    };
    let mut terminal =
        Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
    terminal
        .draw(|frame| draw(frame, &title, now, help, Theme::new(ColorChoice::Always)))
        .expect("drawing into memory cannot fail");
    terminal.backend().clone()
}

fn lines(backend: &TestBackend) -> Vec<String> {
    let buffer = backend.buffer();
    let width = buffer.area.width as usize;
    buffer
        .content()
        .chunks(width)
        .map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect())
        .collect()
}

/// Asserts that a line contains all the words, in this order.
fn assert_line(lines: &[String], words: &[&str]) {
    let found = lines.iter().any(|line| {
        let mut rest = line.as_str();
        words.iter().all(|word| match rest.split_once(word) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    });
    assert!(found, "{words:?} in\n{}", lines.join("\n"));
}

#[test]
fn shows_all_panels_side_by_side_at_100_by_30() {
    let lines = lines(&screen(100, 30, Some(&snapshot()), false));
    assert_line(&lines, &["loadtest rooms", "127.0.0.1:3000", "seed 42"]);
    assert_line(&lines, &["publishing", "01:23 / 05:00", "28%", "━", "─"]);
    assert_line(
        &lines,
        &["connections", "delivery, from due time", "server 4242"],
    );
    assert_line(
        &lines,
        &["open", "999 / 1,000", "run  last 10 s", "cores", "0.50"],
    );
    assert_line(&lines, &["p99 ", "11.4ms", "10.9ms", "fds", "1,031"]);
    assert_line(&lines, &["p99.9", "38.0ms", "20.0ms"]);
    assert_line(&lines, &["max", "71.2ms", "31.0ms"]);
    assert_line(&lines, &["evicted", "7 expected"]);
    assert_line(&lines, &["messages", "this tester"]);
    assert_line(
        &lines,
        &["sent", "100/s of 100/s due", "8,300 in all, failed 0"],
    );
    assert_line(
        &lines,
        &[
            "delivered",
            "10,000/s",
            "830,000 in all",
            "send p99",
            "300us",
        ],
    );
    assert_line(
        &lines,
        &[
            "lost",
            "3",
            "dup 0",
            "reorder 0",
            "foreign 0",
            "loop p99",
            "1.5ms",
        ],
    );
    assert_line(&lines, &["ack", "p99 3.2ms", "valid", "yes"]);
    assert_line(&lines, &["delivery p50 above p99"]);
    assert_line(&lines, &["▂", "█"]);
    assert_line(&lines, &["01:19  storm  19"]);
    assert_line(
        &lines[29..],
        &["q", "quit", "p", "pause", "s", "storm", "rate", "?", "help"],
    );
    // Nothing is drawn over the borders.
    for line in &lines[2..29] {
        assert!("╭│╰".contains(&line[..3]), "{line}");
        assert!(line.ends_with(['╮', '│', '╯']), "{line}");
    }
}

#[test]
fn truncates_no_figure_at_80_by_24() {
    let lines = lines(&screen(80, 24, Some(&snapshot()), false));
    assert_line(
        &lines,
        &["failed    1", "p99 ", "11.4ms", "10.9ms", "fds", "1,031"],
    );
    assert_line(&lines, &["closed    0"]);
    assert_line(&lines, &["run  last 10 s"]);
    assert_line(&lines, &["foreign 0", "loop p99", "1.5ms"]);
    assert_line(&lines, &["8,300 in all, failed 0"]);
}

#[test]
fn shows_one_line_per_topic_at_60_by_15() {
    let lines = lines(&screen(60, 15, Some(&snapshot()), false));
    assert_line(&lines, &["loadtest rooms", "seed 42"]);
    assert_line(&lines, &["publishing", "01:23 / 05:00", "28%"]);
    assert_line(&lines, &["open", "999 / 1,000", "failed 1", "closed 0"]);
    assert_line(&lines, &["sent", "100/s of 100/s", "received 10,000/s"]);
    assert_line(&lines, &["lost", "3", "foreign 0"]);
    assert_line(
        &lines,
        &["delivery", "p50 1.9ms", "p99 11.4ms", "max 71.2ms"],
    );
    assert_line(&lines, &["last 10 s", "p50 1.8ms", "p99 10.9ms"]);
    assert_line(&lines, &["server", "0.50 cores", "MiB"]);
    assert_line(&lines, &["tester", "0.55 cores", "valid"]);
    assert_line(&lines, &["p99 ", "▄█"]);
    assert_line(&lines, &["01:19  storm  19"]);
    assert_line(&lines[14..], &["q", "quit", "?", "help"]);
}

#[test]
fn draws_at_any_size_with_and_without_figures() {
    let mut bare = snapshot();
    bare.rows.clear();
    bare.notes.clear();
    bare.delivery = Figures::default();
    bare.planned = Duration::ZERO;
    for (width, height) in [
        (1, 1),
        (2, 5),
        (20, 3),
        (79, 22),
        (80, 21),
        (80, 22),
        (300, 90),
    ] {
        for now in [None, Some(&*bare), Some(&*snapshot())] {
            screen(width, height, now, true);
        }
    }
}

#[test]
fn shows_a_pause_and_a_taint() {
    let mut now = snapshot();
    now.paused = true;
    now.taint = vec!["its workers used 95 % of a core each".to_owned()];
    now.rows.last_mut().expect("there are rows").server_cpu = None;
    let wide = lines(&screen(100, 30, Some(&now), false));
    assert_line(&wide, &["PAUSED"]);
    assert_line(&wide, &["100/s paused"]);
    assert_line(&wide, &["valid", "NO"]);
    assert_line(&wide, &["its workers used 95 %"]);
    assert_line(&wide, &["no sample yet"]);
    now.server_pid = None;
    assert_line(
        &lines(&screen(100, 30, Some(&now), false)),
        &["not watched (--server-pid)"],
    );
    assert_line(
        &lines(&screen(60, 15, Some(&now), false)),
        &["tester", "NOT VALID"],
    );
}

#[test]
fn shows_the_help_over_the_panels() {
    let lines = lines(&screen(100, 30, Some(&snapshot()), true));
    assert_line(&lines, &["keys"]);
    assert_line(&lines, &["drop every healthy socket"]);
}

#[test]
fn uses_colours_only_if_wanted() {
    let mut terminal = Terminal::new(TestBackend::new(100, 30)).expect("a terminal in memory");
    let (title, now) = (Title::default(), snapshot());
    for (choice, colourful) in [(ColorChoice::Never, false), (ColorChoice::Always, true)] {
        terminal
            .draw(|frame| draw(frame, &title, Some(&now), true, Theme::new(choice)))
            .expect("drawing into memory cannot fail");
        let cells = terminal.backend().buffer().content();
        let any = cells
            .iter()
            .any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
        assert_eq!(any, colourful, "{choice:?}");
        // Losses are highlighted in either case.
        let lost = cells
            .iter()
            .filter(|cell| cell.modifier.contains(Modifier::REVERSED));
        assert!(lost.count() > 0, "{choice:?}");
    }
}

#[test]
fn skips_snapshots_on_a_slow_terminal_and_notices_a_closed_one() {
    let (dashboard, queue, _keys) = Dashboard::detached();
    for _ in 0..10 {
        assert!(dashboard.show(snapshot()), "a full channel is not the end");
    }
    let waiting = queue.len();
    assert!((1..10).contains(&waiting), "{waiting}");
    drop(queue);
    assert!(!dashboard.show(snapshot()));
}
