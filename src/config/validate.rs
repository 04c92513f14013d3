//! Validation: the range of each value, and how values relate to each other.

use std::time::Duration;

use super::error::{ConfigError, Relation};
use super::websocket::WebSocketConfig;
use crate::history::HistoryLimits;

/// Maximum number of bytes that a header and an offset add to a message, in any dialect.
const FRAMING_BYTES: usize = 64;

/// The longest duration of a setting. Clocks cannot represent much more.
pub(super) const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

impl WebSocketConfig {
    /// Checks each value's range, and that the values are consistent with each other.
    ///
    /// Errors: the first problem found; it names the setting by its key.
    pub fn validate(&self) -> Result<(), ConfigError> {
        match self.problems().into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }

    /// All problems, where [`validate`](Self::validate) returns only the first.
    pub(super) fn problems(&self) -> Vec<ConfigError> {
        let mut problems = self.problems_without_topics();
        problems.extend(self.history_mismatches());
        problems
    }

    /// All problems, whatever the rules for topics are.
    pub(super) fn problems_without_topics(&self) -> Vec<ConfigError> {
        let mut problems = self.out_of_range();
        problems.extend(self.mismatches());
        problems
    }

    fn out_of_range(&self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        let positive = [
            ("connections.ping_interval", self.ping_interval),
            ("connections.keep_alive", self.connections.keep_alive),
            ("connections.write_timeout", self.connections.write_timeout),
            ("limits.policy_timeout", self.limits.policy_timeout),
            ("connections.close_timeout", self.connections.close_timeout),
        ];
        for (key, time) in positive {
            if time < Duration::from_millis(1) {
                problems.push(ConfigError::TooSmall { key, least: "1ms" });
            }
        }
        let counts = [
            ("connections.max_message_size", self.max_message_size),
            (
                "connections.max_clients_per_room",
                self.max_clients_per_room,
            ),
            ("outbox.messages", self.outbox.messages),
            ("connections.max_http", self.connections.max_http),
            ("drain.rate", self.drain.rate as usize),
            ("drain.reconnect_rate", self.drain.reconnect_rate as usize),
            ("engine.mailbox_capacity", self.engine.mailbox_capacity),
            ("engine.mailbox_deliveries", self.engine.mailbox_deliveries),
        ];
        for (key, _) in counts.into_iter().filter(|&(_, count)| count == 0) {
            problems.push(ConfigError::TooSmall { key, least: "1" });
        }
        let times = [
            ("connections.ping_interval", self.ping_interval),
            ("connections.pong_timeout", self.pong_timeout),
            ("connections.keep_alive", self.connections.keep_alive),
            ("connections.write_timeout", self.connections.write_timeout),
            ("limits.policy_timeout", self.limits.policy_timeout),
            ("connections.close_timeout", self.connections.close_timeout),
            ("publish.timeout", self.publish.timeout),
            ("publish.window", self.publish.window),
            ("history.position_ttl", self.history.position_ttl),
            ("drain.timeout", self.drain.timeout),
        ];
        for (key, _) in times.into_iter().filter(|&(_, time)| time > YEAR) {
            problems.push(ConfigError::TooLarge { key, most: "365d" });
        }
        problems
    }

    fn mismatches(&self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        if self.pong_timeout <= self.ping_interval {
            problems.push(ConfigError::Mismatch {
                key: "connections.pong_timeout",
                value: format!("{:?}", self.pong_timeout),
                relation: Relation::Longer,
                other: "connections.ping_interval",
                other_value: format!("{:?}", self.ping_interval),
            });
        }
        problems.extend(self.must_hold_a_message("outbox.bytes", self.outbox.bytes));
        if self.proxy_protocol && self.trusted_proxies.is_empty() {
            problems.push(ConfigError::Missing {
                key: "network.proxy_protocol",
                needed: "network.trusted_proxies",
            });
        }
        problems
    }

    fn history_mismatches(&self) -> Vec<ConfigError> {
        let mut problems = Vec::new();
        if self.topics.histories().next().is_some() {
            problems.extend(self.must_hold_a_message("history.total", self.history.total));
        }
        // The default limits fit every size: a publication that is larger is just not kept.
        let is_chosen = |history: &HistoryLimits| *history != HistoryLimits::default();
        for history in self.topics.histories().filter(is_chosen) {
            let key = "topics.history.bytes";
            problems.extend(self.must_hold_a_message(key, history.max_bytes));
            if history.max_messages == 0 {
                let key = "topics.history.messages";
                problems.push(ConfigError::TooSmall { key, least: "1" });
            }
            if history.max_age > YEAR {
                let key = "topics.history.age";
                problems.push(ConfigError::TooLarge { key, most: "365d" });
            }
        }
        problems
    }

    /// The problem if `bytes`, the value of `key`, is too small for the largest message.
    pub(super) fn must_hold_a_message(
        &self,
        key: &'static str,
        bytes: usize,
    ) -> Option<ConfigError> {
        let least = self.max_message_size.saturating_add(FRAMING_BYTES);
        (bytes < least).then(|| ConfigError::Mismatch {
            key,
            value: format!("{bytes} bytes"),
            relation: Relation::Larger(FRAMING_BYTES),
            other: "connections.max_message_size",
            other_value: format!("{} bytes", self.max_message_size),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DrainConfig, OutboxConfig};
    use crate::hub::{TopicOptions, TopicRules};

    fn refused(config: &WebSocketConfig) -> String {
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(WebSocketConfig::default().validate(), Ok(()));
    }

    #[test]
    fn an_invalid_setting_is_named_by_its_key() {
        let config = WebSocketConfig {
            max_clients_per_room: 0,
            ..WebSocketConfig::default()
        };
        assert_eq!(
            refused(&config),
            "connections.max_clients_per_room must be at least 1"
        );
        let config = WebSocketConfig {
            drain: DrainConfig {
                timeout: Duration::MAX,
                ..DrainConfig::default()
            },
            ..WebSocketConfig::default()
        };
        assert_eq!(refused(&config), "drain.timeout must be at most 365d");
    }

    #[test]
    fn values_that_contradict_each_other_are_both_named() {
        let config = WebSocketConfig {
            pong_timeout: Duration::from_secs(30),
            ..WebSocketConfig::default()
        };
        assert_eq!(
            refused(&config),
            "connections.pong_timeout (30s) must be longer than connections.ping_interval (30s)"
        );
        let config = WebSocketConfig {
            outbox: OutboxConfig {
                bytes: 64 * 1024 + 41,
                ..OutboxConfig::default()
            },
            ..WebSocketConfig::default()
        };
        assert_eq!(
            refused(&config),
            "outbox.bytes (65577 bytes) must be at least 64 bytes larger than \
             connections.max_message_size (65536 bytes)"
        );
    }

    #[test]
    fn the_default_history_fits_every_message_size() {
        let config = WebSocketConfig {
            max_message_size: 2 * 1024 * 1024,
            outbox: OutboxConfig {
                bytes: 8 * 1024 * 1024,
                ..OutboxConfig::default()
            },
            ..WebSocketConfig::default()
        };
        assert_eq!(config.validate(), Ok(()));
    }

    #[test]
    fn history_settings_are_checked_only_if_a_topic_keeps_history() {
        let mut config = WebSocketConfig {
            topics: TopicRules::default(),
            ..WebSocketConfig::default()
        };
        config.history.total = 1;
        assert_eq!(config.validate(), Ok(()));
        config.topics = TopicRules::all(TopicOptions {
            history: Some(HistoryLimits {
                max_messages: 0,
                max_bytes: 1,
                max_age: Duration::MAX,
            }),
            ..TopicOptions::default()
        });
        let problems = config.problems();
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[0].starts_with("history.total (1 bytes) must be"));
        assert!(problems[1].starts_with("topics.history.bytes (1 bytes) must be"));
        assert_eq!(problems[2], "topics.history.messages must be at least 1");
        assert_eq!(problems[3], "topics.history.age must be at most 365d");
    }
}
