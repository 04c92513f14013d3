//! The text of the panels.

use super::snapshot::{Figures, Snapshot};
use super::theme::Theme;
use crate::base::units::{grouped, latency};
use ratatui::text::{Line, Span};

/// Builds a line piece by piece.
struct LineBuilder(Vec<Span<'static>>);

impl LineBuilder {
    fn new(label: &str) -> Self {
        Self(vec![Span::styled(format!(" {label:<10}"), Theme::label())])
    }

    fn value(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::styled(text.into(), Theme::value()));
        self
    }

    fn plain(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::raw(text.into()));
        self
    }

    fn label(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::styled(text.into(), Theme::label()));
        self
    }

    /// A count that should be 0.
    fn fault(mut self, count: u64, theme: Theme) -> Self {
        let style = if count > 0 {
            theme.bad()
        } else {
            Theme::value()
        };
        self.0.push(Span::styled(grouped(count), style));
        self
    }

    fn line(self) -> Line<'static> {
        Line::from(self.0)
    }
}

fn figure(us: u64, of: Figures) -> String {
    if of.count == 0 {
        "-".to_owned()
    } else {
        latency(us)
    }
}

pub(super) fn connections(now: &Snapshot, theme: Theme) -> Vec<Line<'static>> {
    vec![
        LineBuilder::new("open")
            .value(grouped(now.open))
            .plain(format!(" / {}", grouped(now.sockets)))
            .line(),
        LineBuilder::new("ramp")
            .plain(format!("{:.0}/s", now.connect_rate))
            .line(),
        LineBuilder::new("failed")
            .fault(now.connect_failed, theme)
            .line(),
        LineBuilder::new("closed").fault(now.closed, theme).line(),
        LineBuilder::new("evicted")
            .plain(grouped(now.evicted))
            .label(" expected")
            .line(),
    ]
}

pub(super) fn delivery(now: &Snapshot) -> Vec<Line<'static>> {
    let row = |name: &str, all: u64, last: u64| {
        LineBuilder::new(name)
            .value(format!("{:>8}", figure(all, now.delivery)))
            .plain(format!("  {:>8}", figure(last, now.recent)))
            .line()
    };
    let (all, last) = (now.delivery, now.recent);
    vec![
        LineBuilder::new("").label("     run  last 10 s").line(),
        row("p50", all.p50, last.p50),
        row("p99", all.p99, last.p99),
        row("p99.9", all.p999, last.p999),
        row("max", all.max, last.max),
    ]
}

pub(super) fn messages(now: &Snapshot, theme: Theme) -> Vec<Line<'static>> {
    let (published, received) = now
        .rows
        .last()
        .map_or((0, 0), |row| (row.published, row.received));
    let planned = if now.paused {
        " paused".to_owned()
    } else {
        format!(" of {:.0}/s due", now.rate)
    };
    vec![
        LineBuilder::new("sent")
            .value(format!("{}/s", grouped(published)))
            .label(planned)
            .plain(format!("  {}", grouped(now.published)))
            .label(" in all, failed ")
            .fault(now.publish_failed, theme)
            .line(),
        LineBuilder::new("delivered")
            .value(format!("{}/s", grouped(received)))
            .plain(format!("  {}", grouped(now.received)))
            .label(" in all")
            .line(),
        books(now, theme),
        LineBuilder::new("ack")
            .label("p50 ")
            .plain(figure(now.ack.p50, now.ack))
            .label("  p99 ")
            .plain(figure(now.ack.p99, now.ack))
            .label("  max ")
            .plain(figure(now.ack.max, now.ack))
            .line(),
    ]
}

/// The line of counts that should be 0.
pub(super) fn books(now: &Snapshot, theme: Theme) -> Line<'static> {
    LineBuilder::new("lost")
        .fault(now.lost, theme)
        .label("  declared ")
        .plain(grouped(now.declared))
        .label("  dup ")
        .fault(now.duplicates, theme)
        .label("  reorder ")
        .fault(now.reorders, theme)
        .label("  foreign ")
        .fault(now.foreign, theme)
        .line()
}

/// The figures of the server. Sparklines are drawn beside them.
pub(super) fn server(now: &Snapshot) -> Vec<Line<'static>> {
    let row = now.rows.last();
    let Some((cpu, rss, fds)) =
        row.and_then(|row| Some((row.server_cpu?, row.server_rss_kib?, row.server_fds?)))
    else {
        let why = if now.server_pid.is_some() {
            "no sample yet"
        } else {
            "not watched (--server-pid)"
        };
        return vec![Line::styled(format!(" {why}"), Theme::label())];
    };
    vec![
        LineBuilder::new("cores").value(format!("{cpu:.2}")).line(),
        LineBuilder::new("rss")
            .value(format!("{:.0}", rss as f64 / 1024.0))
            .label(" MiB")
            .line(),
        LineBuilder::new("fds").plain(grouped(fds)).line(),
    ]
}

pub(super) fn tester(now: &Snapshot, theme: Theme) -> Vec<Line<'static>> {
    let cpu = now.rows.last().map_or(0.0, |row| row.tester_cpu);
    // How late publications were sent, and how late the event loops woke up.
    let lag = |us: u64| if us == 0 { "-".to_owned() } else { latency(us) };
    let mut lines = vec![
        LineBuilder::new("cores").value(format!("{cpu:.2}")).line(),
        LineBuilder::new("send p99")
            .plain(lag(now.send_lag_p99_us))
            .line(),
        LineBuilder::new("loop p99")
            .plain(lag(now.loop_lag_p99_us))
            .line(),
    ];
    let (verdict, style) = if now.taint.is_empty() {
        ("yes", theme.good())
    } else {
        ("NO", theme.bad())
    };
    lines.push(Line::from(vec![
        Span::styled(" valid     ", Theme::label()),
        Span::styled(verdict, style),
    ]));
    lines
}

/// The latest events, at most `room` lines. Why the run is tainted comes last.
pub(super) fn events(now: &Snapshot, room: usize, theme: Theme) -> Vec<Line<'static>> {
    let taint = now.taint.iter().map(|reason| {
        Line::from(vec![
            Span::styled(" tester ", theme.bad()),
            Span::raw(format!(" {reason}")),
        ])
    });
    let notes = now.notes.iter().map(|note| Line::raw(format!(" {note}")));
    let mut lines: Vec<Line<'static>> = notes.chain(taint).collect();
    lines.drain(..lines.len().saturating_sub(room));
    lines
}

/// The most important figures, for a small terminal.
pub(super) fn compact(now: &Snapshot, theme: Theme) -> Vec<Line<'static>> {
    let row = now.rows.last();
    let (published, received) = row.map_or((0, 0), |row| (row.published, row.received));
    let latencies = |name: &str, figures: Figures| {
        LineBuilder::new(name)
            .label("p50 ")
            .value(figure(figures.p50, figures))
            .label("  p99 ")
            .value(figure(figures.p99, figures))
            .label("  max ")
            .plain(figure(figures.max, figures))
            .line()
    };
    let watched = row.and_then(|row| Some((row.server_cpu?, row.server_rss_kib?)));
    let server = match watched {
        Some((cpu, rss)) => LineBuilder::new("server")
            .plain(format!("{cpu:.2}"))
            .label(" cores  ")
            .plain(format!("{:.0}", rss as f64 / 1024.0))
            .label(" MiB"),
        None => LineBuilder::new("server").label("not watched"),
    };
    let tester = LineBuilder::new("tester")
        .plain(format!("{:.2}", row.map_or(0.0, |row| row.tester_cpu)))
        .label(" cores  ");
    let tester = if now.taint.is_empty() {
        tester.label("valid")
    } else {
        tester.value("NOT VALID")
    };
    let rate = if now.paused {
        " paused".to_owned()
    } else {
        format!(" of {:.0}/s", now.rate)
    };
    vec![
        LineBuilder::new("open")
            .value(grouped(now.open))
            .plain(format!(" / {}", grouped(now.sockets)))
            .label("  failed ")
            .fault(now.connect_failed, theme)
            .label("  closed ")
            .fault(now.closed, theme)
            .line(),
        LineBuilder::new("sent")
            .value(format!("{}/s", grouped(published)))
            .label(rate)
            .label("  received ")
            .value(format!("{}/s", grouped(received)))
            .line(),
        books(now, theme),
        latencies("delivery", now.delivery),
        latencies("last 10 s", now.recent),
        server.line(),
        tester.line(),
    ]
}
