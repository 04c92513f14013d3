//! The layout of the screen.

use super::keys::KEYS;
use super::panels;
use super::snapshot::{Snapshot, Title};
use super::theme::Theme;
use crate::plan::phase::Phase;
use crate::result::run_result::Row;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, BorderType, Clear, LineGauge, Paragraph, Sparkline};
use std::time::Duration;

/// From this width and height on, panels are side by side.
const WIDE: (u16, u16) = (80, 22);

/// Draws a snapshot on a screen of any size.
pub(super) fn draw(
    frame: &mut Frame<'_>,
    title: &Title,
    now: Option<&Snapshot>,
    help: bool,
    theme: Theme,
) {
    let [head, gauge, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(heading(title, theme), head);
    frame.render_widget(foot_line(theme), foot);
    let Some(now) = now else { return };
    progress(frame, gauge, now, theme);
    let area = frame.area();
    if area.width >= WIDE.0 && area.height >= WIDE.1 {
        wide(frame, body, now, theme);
    } else {
        narrow(frame, body, now, theme);
    }
    if help {
        keys(frame, theme);
    }
}

fn heading(title: &Title, theme: Theme) -> Line<'static> {
    Line::from(vec![
        Span::styled(format!(" loadtest {}", title.scenario), theme.title()),
        Span::raw(format!("  {}", title.target)),
        Span::styled(format!("  seed {}", title.seed), Theme::label()),
    ])
}

fn foot_line(theme: Theme) -> Line<'static> {
    let mut words = Vec::new();
    for (key, name, _) in KEYS {
        words.push(Span::styled(format!(" {key} "), theme.title()));
        words.push(Span::raw(format!("{name} ")));
    }
    Line::from(words)
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

fn progress(frame: &mut Frame<'_>, area: Rect, now: &Snapshot, theme: Theme) {
    let [label, bar] =
        Layout::horizontal([Constraint::Length(26), Constraint::Fill(1)]).areas(area);
    let (phase, style) = match now.phase {
        Phase::Connect => ("connecting", Theme::value()),
        Phase::Publish if now.paused => ("PAUSED", theme.notable()),
        Phase::Publish => ("publishing", Theme::value()),
        Phase::Drain => ("draining", Theme::value()),
        Phase::Close => ("closing", Theme::value()),
    };
    let line = Line::from(vec![
        Span::styled(format!(" {phase:<11}"), style),
        Span::raw(format!("{} / {} ", clock(now.elapsed), clock(now.planned))),
    ]);
    frame.render_widget(line, label);
    let ratio = now.elapsed.as_secs_f64() / now.planned.as_secs_f64().max(0.001);
    let gauge = LineGauge::default()
        .ratio(ratio.clamp(0.0, 1.0))
        .filled_symbol("━")
        .unfilled_symbol("─")
        .filled_style(theme.bar())
        .unfilled_style(Theme::label());
    frame.render_widget(gauge, bar);
}

fn block(title: &str, theme: Theme) -> Block<'static> {
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(Theme::label())
        .title(Span::styled(format!(" {title} "), theme.title()))
}

fn wide(frame: &mut Frame<'_>, area: Rect, now: &Snapshot, theme: Theme) {
    let [top, middle, chart, notes] = Layout::vertical([
        Constraint::Length(7),
        Constraint::Length(6),
        Constraint::Fill(1),
        Constraint::Length(if area.height >= 25 { 5 } else { 0 }),
    ])
    .areas(area);
    let [connections, delivery, server] = Layout::horizontal([
        Constraint::Length(26),
        Constraint::Length(33),
        Constraint::Fill(1),
    ])
    .areas(top);
    let panel =
        |title: &str, lines: Vec<Line<'static>>| Paragraph::new(lines).block(block(title, theme));
    frame.render_widget(
        panel("connections", panels::connections(now, theme)),
        connections,
    );
    frame.render_widget(
        panel("delivery, from due time", panels::delivery(now)),
        delivery,
    );
    let name = now
        .server_pid
        .map_or_else(|| "server".to_owned(), |pid| format!("server {pid}"));
    let block_of_server = block(&name, theme);
    let inside = block_of_server.inner(server);
    frame.render_widget(block_of_server, server);
    watched(frame, inside, now, theme);
    let [messages, tester] =
        Layout::horizontal([Constraint::Length(59), Constraint::Fill(1)]).areas(middle);
    frame.render_widget(panel("messages", panels::messages(now, theme)), messages);
    frame.render_widget(panel("this tester", panels::tester(now, theme)), tester);
    latencies(frame, chart, now, theme);
    let room = notes.height.saturating_sub(2) as usize;
    let lines = panels::events(now, room, theme);
    frame.render_widget(panel("events", lines), notes);
}

/// The figures of the server, with a sparkline beside each.
fn watched(frame: &mut Frame<'_>, area: Rect, now: &Snapshot, theme: Theme) {
    let [figures, lines] =
        Layout::horizontal([Constraint::Length(22), Constraint::Fill(1)]).areas(area);
    let text = panels::server(now);
    let sampled = text.len() > 1;
    if !sampled {
        return frame.render_widget(Paragraph::new(text), area);
    }
    frame.render_widget(Paragraph::new(text), figures);
    let value = |row: &Row, of: usize| match of {
        0 => row.server_cpu.map(|cpu| (cpu * 1000.0) as u64),
        1 => row.server_rss_kib,
        _ => row.server_fds,
    };
    for (of, area) in lines.rows().take(3).enumerate() {
        spark(frame, area, &now.rows, theme, |row| value(row, of));
    }
}

/// Sparklines of both latencies, one column per second.
fn latencies(frame: &mut Frame<'_>, area: Rect, now: &Snapshot, theme: Theme) {
    let block = block("delivery p50 above p99, one column per second", theme);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let [upper, lower] = Layout::vertical([Constraint::Fill(1), Constraint::Fill(2)]).areas(inside);
    let us = |ms: Option<f64>| ms.map(|ms| (ms * 1000.0) as u64);
    spark(frame, upper, &now.rows, theme, |row| us(row.p50_ms));
    spark(frame, lower, &now.rows, theme, |row| us(row.p99_ms));
}

/// Draws a sparkline whose newest value is at the right.
fn spark(
    frame: &mut Frame<'_>,
    area: Rect,
    rows: &[Row],
    theme: Theme,
    value: impl Fn(&Row) -> Option<u64>,
) {
    let first = rows.len().saturating_sub(area.width as usize);
    let sparkline = Sparkline::default()
        .data(rows[first..].iter().map(value))
        .absent_value_symbol(" ")
        .style(theme.bar());
    frame.render_widget(sparkline, area);
}

fn narrow(frame: &mut Frame<'_>, area: Rect, now: &Snapshot, theme: Theme) {
    let lines = panels::compact(now, theme);
    let [text, chart, note] = Layout::vertical([
        Constraint::Length(lines.len() as u16),
        Constraint::Fill(1),
        Constraint::Length(u16::from(area.height as usize > lines.len())),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(lines), text);
    let us = |row: &Row| row.p99_ms.map(|ms| (ms * 1000.0) as u64);
    let [name, line] =
        Layout::horizontal([Constraint::Length(11), Constraint::Fill(1)]).areas(chart);
    frame.render_widget(Span::styled(" p99", Theme::label()), name);
    spark(frame, line, &now.rows, theme, us);
    if let Some(last) = now.notes.last() {
        frame.render_widget(Line::raw(format!(" {last}")), note);
    }
}

fn keys(frame: &mut Frame<'_>, theme: Theme) {
    let lines: Vec<Line<'_>> = KEYS
        .iter()
        .map(|(key, _, what)| {
            Line::from(vec![
                Span::styled(format!(" {key:<4}"), theme.title()),
                Span::raw(*what),
            ])
        })
        .collect();
    let area = frame.area();
    let (width, height) = (area.width.min(60), area.height.min(KEYS.len() as u16 + 2));
    let area = Rect::new(
        (area.width - width) / 2,
        (area.height - height) / 2,
        width,
        height,
    );
    frame.render_widget(Clear, area);
    frame.render_widget(
        Paragraph::new(Text::from(lines)).block(block("keys", theme)),
        area,
    );
}
