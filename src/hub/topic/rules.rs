//! What is configured for each room and channel, by name patterns.

use std::time::Duration;

use wildmatch::WildMatch;

use crate::history::HistoryLimits;
use crate::protocol::TopicKind;

/// What happens when a client's outbox has no room for a message of the topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The client is closed with 1013 and may come back with its positions.
    #[default]
    Evict,
    /// The oldest messages of the topic that wait for the client make room, and a gap
    /// notice stands in their place.
    DropOldest,
    /// Only the newest message of the topic waits for the client; a gap notice says how
    /// many it replaced.
    LatestOnly,
}

/// What is configured for one topic. Default: no history, slow consumers are evicted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TopicOptions {
    /// What is kept of the topic's publications, if anything.
    pub history: Option<HistoryLimits>,
    /// What happens when a client's outbox is full.
    pub overflow: Overflow,
}

/// Options of all topics: the first rule whose pattern matches a topic's name decides, and
/// without one the fallback.
#[derive(Debug, Clone, Default)]
pub struct TopicRules {
    rules: Vec<Rule>,
    fallback: TopicOptions,
}

#[derive(Debug, Clone)]
struct Rule {
    kind: TopicKind,
    pattern: WildMatch,
    options: TopicOptions,
}

impl TopicRules {
    /// Rules that give every topic the same options.
    pub fn all(fallback: TopicOptions) -> Self {
        Self {
            rules: Vec::new(),
            fallback,
        }
    }

    /// Adds a rule behind those that are there. In a pattern, `*` stands for any number of
    /// characters and `?` for one.
    #[must_use]
    pub fn with(mut self, kind: TopicKind, pattern: &str, options: TopicOptions) -> Self {
        self.rules.push(Rule {
            kind,
            pattern: WildMatch::new(pattern),
            options,
        });
        self
    }

    /// What is configured for the topic of this name.
    pub fn options(&self, kind: TopicKind, name: &str) -> TopicOptions {
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.kind == kind && rule.pattern.matches(name));
        rule.map_or(self.fallback, |rule| rule.options)
    }

    /// Limits of every history there may be.
    pub fn histories(&self) -> impl Iterator<Item = HistoryLimits> {
        let rules = self.rules.iter().map(|rule| rule.options);
        rules
            .chain([self.fallback])
            .filter_map(|options| options.history)
    }
}

/// How long and how much is kept over all topics together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Bytes of all histories; above, the oldest messages go first. Default 256 MiB.
    pub max_bytes: usize,
    /// How long a topic without members and messages remembers its position, after its
    /// last publication. Default 24 h.
    pub position_ttl: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            max_bytes: 256 * 1024 * 1024,
            position_ttl: Duration::from_secs(24 * 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_decides() {
        let latest = TopicOptions {
            overflow: Overflow::LatestOnly,
            ..TopicOptions::default()
        };
        let kept = TopicOptions {
            history: Some(HistoryLimits::default()),
            ..TopicOptions::default()
        };
        let rules = TopicRules::all(TopicOptions::default())
            .with(TopicKind::Channel, "ticker:*", latest)
            .with(TopicKind::Channel, "*", kept);
        assert_eq!(rules.options(TopicKind::Channel, "ticker:ACME"), latest);
        assert_eq!(rules.options(TopicKind::Channel, "news"), kept);
        assert_eq!(
            rules.options(TopicKind::Room, "ticker:ACME"),
            TopicOptions::default()
        );
    }
}
