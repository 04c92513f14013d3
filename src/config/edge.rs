//! Everything that the binary is configured with.

use super::values::Listen;
use super::websocket::WebSocketConfig;
use crate::history::HistoryLimits;
use crate::hub::{TopicOptions, TopicRules};

/// Configuration of the binary: that of the server, and what is around it.
#[derive(Debug, Clone)]
pub(crate) struct EdgeConfig {
    /// Where to listen.
    pub(crate) listen: Listen,
    /// Web origins that may call the HTTP API from a browser, as browsers send them.
    pub(crate) cors_origins: Vec<String>,
    /// What to log.
    pub(crate) log: String,
    /// The history of rooms and channels without a rule of their own.
    pub(super) history: HistoryDefaults,
    /// The server. Its `topics` are set at the end, from `history` and the rules.
    pub(crate) server: WebSocketConfig,
}

/// How much history a room or channel keeps, where no rule says otherwise.
#[derive(Debug, Clone)]
pub(super) struct HistoryDefaults {
    /// Publications; 0 for no history.
    pub(super) messages: usize,
    /// Their limits, also those of a history that a rule switches on.
    pub(super) limits: HistoryLimits,
}

impl HistoryDefaults {
    /// The limits of a history that a rule switches on without naming them.
    pub(super) fn when_on(&self) -> HistoryLimits {
        HistoryLimits {
            max_messages: match self.messages {
                0 => self.limits.max_messages,
                messages => messages,
            },
            ..self.limits
        }
    }

    /// What a room or channel without a rule has.
    pub(super) fn fallback(&self) -> TopicOptions {
        TopicOptions {
            history: (self.messages > 0).then(|| self.when_on()),
            ..TopicOptions::default()
        }
    }
}

impl Default for EdgeConfig {
    fn default() -> Self {
        let history = HistoryDefaults {
            messages: 0,
            limits: HistoryLimits::default(),
        };
        Self {
            listen: Listen::Address(([127, 0, 0, 1], 3000).into()),
            cors_origins: Vec::new(),
            log: "info".to_owned(),
            server: WebSocketConfig {
                topics: TopicRules::all(history.fallback()),
                ..WebSocketConfig::default()
            },
            history,
        }
    }
}
