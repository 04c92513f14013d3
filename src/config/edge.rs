//! The configuration of the binary.

use super::values::{Listen, StartPage};
use super::websocket::WebSocketConfig;
use crate::history::HistoryLimits;
use crate::hub::{TopicOptions, TopicRules};

/// Configuration of the binary: that of the server, and of what surrounds it.
#[derive(Debug, Clone)]
pub(crate) struct EdgeConfig {
    /// Where to listen.
    pub(crate) listen: Listen,
    /// Whether to serve the start page.
    pub(crate) start_page: StartPage,
    /// Web origins that may call the HTTP API from a browser, as browsers send them.
    pub(crate) cors_origins: Vec<String>,
    /// Which logs to write: a level or a filter.
    pub(crate) log: String,
    /// The history of rooms and channels without a rule of their own.
    pub(super) history: HistoryDefaults,
    /// The server. Its `topics` are set last, from `history` and the rules.
    pub(crate) server: WebSocketConfig,
}

impl EdgeConfig {
    /// Whether to serve the start page, which lets everyone who can open it read and publish.
    pub(crate) fn has_start_page(&self) -> bool {
        let is_safe = self.server.trust_user_parameter || self.listen.is_loopback();
        self.start_page.is_on(is_safe)
    }
}

/// How much history a room or channel keeps, unless a rule says otherwise.
#[derive(Debug, Clone)]
pub(super) struct HistoryDefaults {
    /// Maximum number of publications; 0 for no history.
    pub(super) messages: usize,
    /// The limits of each history. A rule that turns a history on inherits those that it does
    /// not name.
    pub(super) limits: HistoryLimits,
}

impl HistoryDefaults {
    /// The limits of a history that a rule turns on without naming any.
    pub(super) fn when_on(&self) -> HistoryLimits {
        HistoryLimits {
            max_messages: match self.messages {
                0 => self.limits.max_messages,
                messages => messages,
            },
            ..self.limits
        }
    }

    /// The options of a room or channel without a rule.
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
            start_page: StartPage::Auto,
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
