//! The styles of the dashboard.

use ratatui::style::{Color, Modifier, Style};
use std::env;

/// The `--color` flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// Use colours unless the environment variable `NO_COLOR` is set.
    #[value(help = "Use colours unless NO_COLOR is set")]
    #[default]
    Auto,
    /// Use colours.
    Always,
    /// Use no colours.
    Never,
}

/// The styles of the dashboard. Without colours, only bold, dim and reverse remain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    color: bool,
}

impl Theme {
    /// The theme for the flag and the environment.
    pub(crate) fn new(choice: ColorChoice) -> Self {
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            color: match choice {
                ColorChoice::Auto => !unwanted,
                ColorChoice::Always => true,
                ColorChoice::Never => false,
            },
        }
    }

    fn of(self, color: Color) -> Style {
        if self.color {
            Style::new().fg(color)
        } else {
            Style::new()
        }
    }

    pub(crate) fn label() -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(crate) fn title(self) -> Style {
        self.of(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub(crate) fn value() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(crate) fn good(self) -> Style {
        self.of(Color::Green).add_modifier(Modifier::BOLD)
    }

    pub(crate) fn bad(self) -> Style {
        self.of(Color::Red)
            .add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }

    pub(crate) fn notable(self) -> Style {
        self.of(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    pub(crate) fn bar(self) -> Style {
        self.of(Color::Cyan)
    }
}
