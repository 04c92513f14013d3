//! How a run is followed: line by line, or on a dashboard.

use crate::dashboard::keys::KeyCommand;
use crate::dashboard::snapshot::{Snapshot, Title};
use crate::dashboard::theme::{ColorChoice, Theme};
use crate::dashboard::thread::Dashboard;
use clap::Args;
use crossbeam_channel::{Receiver, never};
use std::io::Write;

/// The flags that choose a display.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct DisplayFlags {
    /// Show a dashboard with keys [default: on a terminal, unless CI is set].
    #[arg(long, env = "LOADTEST_TUI", overrides_with = "no_tui")]
    tui: bool,
    /// Show one line a second.
    #[arg(long, overrides_with = "tui")]
    no_tui: bool,
    /// Colours of the dashboard.
    #[arg(
        long,
        env = "LOADTEST_COLOR",
        value_name = "WHEN",
        default_value = "auto"
    )]
    color: ColorChoice,
}

impl DisplayFlags {
    /// One line a second, whatever else was asked for.
    pub(crate) fn lines() -> Self {
        Self {
            no_tui: true,
            ..Self::default()
        }
    }

    /// Whether a dashboard is asked for where there is none to be had.
    pub(crate) fn are_impossible(self) -> bool {
        self.tui && !Dashboard::is_possible()
    }

    /// Opens the display.
    pub(crate) fn open(self, title: Title) -> Display {
        let wanted = self.tui || (!self.no_tui && std::env::var_os("CI").is_none());
        if !wanted || !Dashboard::is_possible() {
            return Display::Lines;
        }
        match Dashboard::open(title, Theme::new(self.color)) {
            Ok(dashboard) => Display::Dashboard(dashboard),
            Err(error) => {
                say(&format!("loadtest: no dashboard: {error}"));
                Display::Lines
            }
        }
    }
}

/// Dropping it gives the terminal back.
#[derive(Debug)]
pub(crate) enum Display {
    /// On standard error.
    Lines,
    Dashboard(Dashboard),
}

impl Display {
    /// What whoever watches asks for.
    pub(crate) fn commands(&self) -> Receiver<KeyCommand> {
        match self {
            Self::Lines => never(),
            Self::Dashboard(dashboard) => dashboard.commands().clone(),
        }
    }

    /// Shows a moment on the dashboard, if there is one; without it lines are written from then on.
    pub(crate) fn show(&mut self, snapshot: impl FnOnce() -> Snapshot) {
        if let Self::Dashboard(dashboard) = self
            && !dashboard.show(Box::new(snapshot()))
        {
            *self = Self::Lines;
        }
    }

    /// Writes a line, if there is no dashboard.
    pub(crate) fn line(&self, line: impl FnOnce() -> String) {
        if matches!(self, Self::Lines) {
            say(&line());
        }
    }
}

/// A terminal that is gone must not end the run.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
