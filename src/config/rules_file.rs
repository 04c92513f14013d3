//! The file of `--config`: what is configured for rooms and channels by name.

use std::path::Path;
use std::time::Duration;

use super::units::bytes;
use crate::history::HistoryLimits;
use crate::hub::{Overflow, TopicOptions, TopicRules};
use crate::protocol::TopicKind;
use bytesize::ByteSize;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    channels: Vec<Rule>,
    #[serde(default)]
    rooms: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    pattern: String,
    history: Option<HistorySetting>,
    #[serde(default)]
    overflow: OverflowSetting,
}

/// `history = false`, `history = 100` or `history = { messages = 100, age = "1m" }`.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "`false`, a number of messages, or { messages, bytes, age }"
)]
enum HistorySetting {
    Switch(bool),
    Messages(usize),
    Limits(LimitsSetting),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsSetting {
    messages: Option<usize>,
    bytes: Option<ByteSize>,
    #[serde(default, deserialize_with = "duration")]
    age: Option<Duration>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OverflowSetting {
    #[default]
    Evict,
    DropOldest,
    LatestOnly,
}

fn duration<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(value)?;
    humantime::parse_duration(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

impl HistorySetting {
    /// What is not said stands as in `defaults`.
    fn limits(&self, defaults: HistoryLimits) -> Option<HistoryLimits> {
        match self {
            Self::Switch(on) => on.then_some(defaults),
            Self::Messages(0) => None,
            Self::Messages(messages) => Some(HistoryLimits {
                max_messages: *messages,
                ..defaults
            }),
            Self::Limits(given) => Some(HistoryLimits {
                max_messages: given.messages.unwrap_or(defaults.max_messages),
                max_bytes: given.bytes.map_or(defaults.max_bytes, bytes),
                max_age: given.age.unwrap_or(defaults.max_age),
            }),
        }
    }
}

impl From<OverflowSetting> for Overflow {
    fn from(setting: OverflowSetting) -> Self {
        match setting {
            OverflowSetting::Evict => Self::Evict,
            OverflowSetting::DropOldest => Self::DropOldest,
            OverflowSetting::LatestOnly => Self::LatestOnly,
        }
    }
}

/// Reads the rules of a file. A topic without a rule has `fallback`; a rule that says
/// nothing of history has the fallback's, and one that does not name all limits has `defaults`.
pub(crate) fn read(
    path: &Path,
    fallback: TopicOptions,
    defaults: HistoryLimits,
) -> Result<TopicRules, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    parse(&text, fallback, defaults).map_err(|error| format!("{}: {error}", path.display()))
}

fn parse(
    text: &str,
    fallback: TopicOptions,
    defaults: HistoryLimits,
) -> Result<TopicRules, toml::de::Error> {
    let file: File = toml::from_str(text)?;
    let channels = file.channels.iter().map(|rule| (TopicKind::Channel, rule));
    let rooms = file.rooms.iter().map(|rule| (TopicKind::Room, rule));
    let rules = channels.chain(rooms);
    Ok(
        rules.fold(TopicRules::all(fallback), |rules, (kind, rule)| {
            let history = match &rule.history {
                Some(setting) => setting.limits(defaults),
                None => fallback.history,
            };
            let overflow = rule.overflow.into();
            rules.with(kind, &rule.pattern, TopicOptions { history, overflow })
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_in_their_order_and_inherit_what_they_do_not_say() {
        let text = r#"
            [[channels]]
            pattern = "ticker:*"
            history = false
            overflow = "latest-only"

            [[channels]]
            pattern = "orders:*"
            history = { messages = 5000, age = "1h" }

            [[rooms]]
            pattern = "*"
            history = 50
        "#;
        let rules = parse(text, TopicOptions::default(), HistoryLimits::default()).unwrap();
        let ticker = rules.options(TopicKind::Channel, "ticker:ACME");
        assert_eq!(ticker.overflow, Overflow::LatestOnly);
        assert_eq!(ticker.history, None);
        let orders = rules
            .options(TopicKind::Channel, "orders:7")
            .history
            .unwrap();
        assert_eq!(orders.max_messages, 5000);
        assert_eq!(orders.max_age, Duration::from_secs(3600));
        assert_eq!(orders.max_bytes, HistoryLimits::default().max_bytes);
        let room = rules.options(TopicKind::Room, "general").history.unwrap();
        assert_eq!(room.max_messages, 50);
        assert_eq!(rules.options(TopicKind::Channel, "news").history, None);
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_place() {
        let error = parse(
            "[[channels]]\npatern = \"x\"",
            TopicOptions::default(),
            HistoryLimits::default(),
        )
        .unwrap_err();
        assert!(error.to_string().contains("patern"), "{error}");
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
