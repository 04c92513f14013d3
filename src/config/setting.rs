//! One setting of the table.

use super::edge::EdgeConfig;
use super::values::{Kind, Value};

/// All that is known of a setting. Flags, variables, file keys, help texts and the printed
/// configuration are made from it.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its place in the file: `section.name`.
    pub(crate) key: &'static str,
    /// The flag, without its dashes.
    pub(crate) flag: Option<&'static str>,
    /// The group of flags that it is shown in.
    pub(crate) heading: Heading,
    /// What its value may be.
    pub(crate) kind: Kind,
    /// Its default, as it is written in a flag; empty for none.
    pub(crate) default: &'static str,
    /// From when on a changed value counts, when the configuration is read again.
    #[allow(dead_code, reason = "a start reads the configuration once")]
    pub(crate) reload: Reload,
    /// What it does: one sentence without its period.
    pub(crate) help: &'static str,
    /// What else one should know, in whole sentences; may be empty.
    pub(crate) more: &'static str,
    /// Puts a value into the configuration.
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

    /// The environment variable: that of the flag, or else that of the key.
    pub(crate) fn variable(&self) -> String {
        let name = self.flag.unwrap_or(self.key).to_uppercase();
        format!("WAVECAST_{}", name.replace(['-', '.'], "_"))
    }
}

/// Groups of flags, in the order in which they are shown.
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

/// From when on a changed value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    /// At once, for everyone.
    Live,
    /// For connections that are opened from then on.
    New,
    /// After a restart.
    Restart,
}
