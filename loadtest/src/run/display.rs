//! How to show the progress of a run: line by line, or on a dashboard.

use crate::base::print;
use crate::dashboard::keys::KeyCommand;
use crate::dashboard::snapshot::{Snapshot, Title};
use crate::dashboard::theme::{ColorChoice, Theme};
use crate::dashboard::thread::Dashboard;
use clap::Args;
use crossbeam_channel::{Receiver, never};

/// The flags that choose a display.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Display")]
pub(crate) struct DisplayFlags {
    /// Show a dashboard that reacts to keys [default: on a terminal, unless CI is set].
    #[arg(long, env = "LOADTEST_TUI", overrides_with = "no_tui")]
    tui: bool,
    /// Show one line per second.
    #[arg(long, overrides_with = "tui")]
    no_tui: bool,
    /// When the dashboard uses colours.
    #[arg(
        long,
        env = "LOADTEST_COLOR",
        value_name = "WHEN",
        default_value = "auto"
    )]
    color: ColorChoice,
}

impl DisplayFlags {
    /// One line per second, whatever else was asked for.
    pub(crate) fn lines() -> Self {
        Self {
            no_tui: true,
            ..Self::default()
        }
    }

    /// Whether `--tui` was given, but there is no terminal.
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
                print::err_line(&format!("loadtest: cannot open the dashboard: {error}"));
                Display::Lines
            }
        }
    }
}

/// Dropping it restores the terminal.
#[derive(Debug)]
pub(crate) enum Display {
    /// Lines on standard error.
    Lines,
    Dashboard(Dashboard),
}

impl Display {
    /// Receives what the user asks for with keys; never anything without a dashboard.
    pub(crate) fn commands(&self) -> Receiver<KeyCommand> {
        match self {
            Self::Lines => never(),
            Self::Dashboard(dashboard) => dashboard.commands().clone(),
        }
    }

    /// Shows a snapshot on the dashboard, if there is one. If its terminal is gone, continues with lines.
    pub(crate) fn show(&mut self, snapshot: impl FnOnce() -> Snapshot) {
        if let Self::Dashboard(dashboard) = self
            && !dashboard.show(Box::new(snapshot()))
        {
            *self = Self::Lines;
        }
    }
}
