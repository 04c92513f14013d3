//! A setting: one row of the table.

use super::edge::EdgeConfig;
use super::values::{Kind, Value};

/// The single description of a setting. Flags, environment variables, keys of the file, help
/// texts and the printed configuration are made from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Its key in the file: `section.name`.
    pub(crate) key: &'static str,
    /// The flag, without its dashes.
    pub(crate) flag: Option<&'static str>,
    /// The heading under which `--help` shows it.
    pub(crate) heading: Heading,
    /// The kind of its value.
    pub(crate) kind: Kind,
    /// Its default, written as in a flag; empty for none.
    pub(crate) default: &'static str,
    /// When a changed value takes effect after a reload of the configuration.
    #[allow(dead_code, reason = "a start reads the configuration once")]
    pub(crate) reload: Reload,
    /// What it does, in one sentence without its period.
    pub(crate) help: &'static str,
    /// Further help, in whole sentences; may be empty.
    pub(crate) more: &'static str,
    /// Sets the value in the configuration.
    pub(crate) set: fn(&mut EdgeConfig, Value),
}

impl Setting {
    /// The section of the file.
    pub(crate) fn section(&self) -> &'static str {
        self.key.split_once('.').map_or("", |(section, _)| section)
    }

    /// The name within the section.
    pub(crate) fn name(&self) -> &'static str {
        self.key.split_once('.').map_or("", |(_, name)| name)
    }

    /// The environment variable, named for the flag, or for the key if there is no flag.
    pub(crate) fn variable(&self) -> String {
        let name = self.flag.unwrap_or(self.key).to_uppercase();
        format!("WAVECAST_{}", name.replace(['-', '.'], "_"))
    }
}

/// The headings of `--help`, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Heading {
    Listening,
    Connections,
    SlowConsumers,
    Publishing,
    History,
    Shutdown,
    Security,
    Logs,
}

impl Heading {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Listening => "Listening",
            Self::Connections => "Connections",
            Self::SlowConsumers => "Slow consumers",
            Self::Publishing => "Publishing",
            Self::History => "History",
            Self::Shutdown => "Shutdown",
            Self::Security => "Security",
            Self::Logs => "Logs",
        }
    }
}

/// When a changed value takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    /// At once, for all connections.
    Live,
    /// For new connections.
    New,
    /// After a restart.
    Restart,
}
