//! Rules that configure rooms and channels by name pattern.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use crate::history::HistoryLimits;
use crate::presence::PresenceOptions;
use crate::protocol::{Pattern, TopicKind};

/// What happens when a publication does not fit into a member's outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The client is closed with code 1013. It can reconnect and resume from its positions.
    #[default]
    Evict,
    /// The topic's oldest queued publications are dropped, and a gap notice takes their place.
    DropOldest,
    /// While the client's socket accepts nothing, only the topic's newest publication stays
    /// queued; a gap notice says how many were dropped.
    LatestOnly,
}

/// Options of one topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TopicOptions {
    /// Limits of the topic's history. Default: `None`, the topic keeps no history.
    pub history: Option<HistoryLimits>,
    /// What happens when a member's outbox is full. Default: [`Overflow::Evict`].
    pub overflow: Overflow,
    /// How the topic keeps track of who is present. Default: `None`, it does not. The server's own
    /// channels (`$…`) never do.
    pub presence: Option<PresenceOptions>,
}

/// Options of all topics. The first rule whose pattern matches a topic's name applies; if none
/// matches, the fallback of the topic's kind does. By default, there are no rules, and no topic
/// keeps a history.
#[derive(Debug, Clone, Default)]
pub struct TopicRules {
    rules: Vec<Rule>,
    channels: TopicOptions,
    rooms: TopicOptions,
}

#[derive(Debug, Clone)]
struct Rule {
    kind: TopicKind,
    pattern: Pattern,
    options: TopicOptions,
}

impl TopicRules {
    /// Rules that give every topic the same options.
    pub fn all(fallback: TopicOptions) -> Self {
        Self::by_kind(fallback, fallback)
    }

    /// Rules that give all channels the same options, and all rooms.
    pub fn by_kind(channels: TopicOptions, rooms: TopicOptions) -> Self {
        Self {
            rules: Vec::new(),
            channels,
            rooms,
        }
    }

    /// Rules that keep a history with the default limits of every channel, and none of rooms: 100
    /// publications, for 10 minutes.
    pub fn with_channel_history() -> Self {
        let kept = TopicOptions {
            history: Some(HistoryLimits::default()),
            ..TopicOptions::default()
        };
        Self::by_kind(kept, TopicOptions::default())
    }

    /// Appends a rule. In a pattern, `*` matches any number of characters and `?` exactly one.
    /// `{user}` between two `:`, or between one and an end, matches one or more characters other
    /// than `:`.
    ///
    /// A text that is not a pattern matches nothing, and is left out: an empty one, one that is
    /// longer than 200 bytes or has a control character, and one in which `{user}` is a part of
    /// `:{user}x`.
    #[must_use]
    pub fn with(mut self, kind: TopicKind, pattern: &str, options: TopicOptions) -> Self {
        if let Ok(pattern) = Pattern::parse(pattern) {
            self.rules.push(Rule {
                kind,
                pattern,
                options,
            });
        }
        self
    }

    /// The options of the topic with this kind and name.
    pub fn options(&self, kind: TopicKind, name: &str) -> TopicOptions {
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.kind == kind && rule.pattern.matches_any_user(name));
        rule.map_or(self.fallback(kind), |rule| rule.options)
    }

    fn fallback(&self, kind: TopicKind) -> TopicOptions {
        match kind {
            TopicKind::Channel => self.channels,
            TopicKind::Room => self.rooms,
        }
    }

    /// A hash of which topics keep a history, whatever its limits.
    pub(in crate::hub) fn kept_topics(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for rule in &self.rules {
            let is_kept = rule.options.history.is_some();
            (rule.kind, rule.pattern.as_str(), is_kept).hash(&mut hasher);
        }
        let [channels, rooms] = [self.channels, self.rooms].map(|kind| kind.history.is_some());
        (self.rules.len(), channels, rooms).hash(&mut hasher);
        hasher.finish()
    }

    /// The limits of every history that the rules allow.
    pub fn histories(&self) -> impl Iterator<Item = HistoryLimits> {
        self.all_options().filter_map(|options| options.history)
    }

    /// Whether any topic keeps track of who is present.
    pub(in crate::hub) fn any_presence(&self) -> bool {
        self.all_options().any(|options| options.presence.is_some())
    }

    fn all_options(&self) -> impl Iterator<Item = TopicOptions> {
        let rules = self.rules.iter().map(|rule| rule.options);
        rules
            .chain([self.channels])
            .chain((self.rooms != self.channels).then_some(self.rooms))
    }
}

/// Limits on what all topics keep together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Maximum size of all histories together, in bytes. Beyond it, topics that use more than
    /// their fair share lose their oldest publications. Default: 256 MiB.
    pub max_bytes: usize,
    /// The part of it for what clients make, the histories of rooms; at most a quarter. Default:
    /// 32 MiB.
    pub clients_max_bytes: usize,
    /// How long a topic that has neither members nor publications remembers its position
    /// after its last publication. Default: 24 h.
    pub position_ttl: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            max_bytes: 256 * 1024 * 1024,
            clients_max_bytes: 32 * 1024 * 1024,
            position_ttl: Duration::from_secs(24 * 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_and_rooms_have_fallbacks_of_their_own() {
        let rules = TopicRules::with_channel_history();
        let history = |kind| rules.options(kind, "news").history;
        assert_eq!(history(TopicKind::Channel), Some(HistoryLimits::default()));
        assert_eq!(history(TopicKind::Room), None);
        assert_eq!(rules.histories().count(), 1);
    }

    #[test]
    fn the_hash_of_the_kept_topics_changes_with_them_and_not_with_limits() {
        let few = TopicOptions {
            history: Some(HistoryLimits {
                max_messages: 3,
                ..HistoryLimits::default()
            }),
            ..TopicOptions::default()
        };
        let none = TopicOptions::default();
        let standard = TopicRules::with_channel_history();
        let hash = |rules: &TopicRules| rules.kept_topics();
        assert_eq!(hash(&standard), hash(&TopicRules::by_kind(few, none)));
        for other in [
            TopicRules::default(),
            TopicRules::all(few),
            TopicRules::by_kind(none, few),
            standard.clone().with(TopicKind::Channel, "a:*", none),
            standard.clone().with(TopicKind::Channel, "a:*", few),
            standard.clone().with(TopicKind::Room, "a:*", few),
        ] {
            assert_ne!(hash(&standard), hash(&other), "{other:?}");
        }
    }

    #[test]
    fn the_first_matching_rule_applies() {
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

    #[test]
    fn a_user_in_a_pattern_is_any_one_segment() {
        let kept = TopicOptions {
            history: Some(HistoryLimits::default()),
            ..TopicOptions::default()
        };
        let rules = TopicRules::default().with(TopicKind::Channel, "inbox:{user}", kept);
        let options = |name| rules.options(TopicKind::Channel, name);
        assert_eq!(options("inbox:ada"), kept);
        assert_eq!(options("inbox:{user}"), kept);
        assert_eq!(options("inbox:a:b"), TopicOptions::default());
    }

    #[test]
    fn a_text_that_is_not_a_pattern_matches_nothing() {
        let kept = TopicOptions {
            history: Some(HistoryLimits::default()),
            ..TopicOptions::default()
        };
        for text in ["", "x{user}", "a\nb", "*".repeat(201).as_str()] {
            let rules = TopicRules::default().with(TopicKind::Channel, text, kept);
            assert_eq!(rules.histories().count(), 0, "{text}");
            let options = rules.options(TopicKind::Channel, "xada");
            assert_eq!(options, TopicOptions::default(), "{text}");
        }
    }
}
