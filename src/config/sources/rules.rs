//! `[[channels]]` and `[[rooms]]`: rules for channels and rooms, by name.

mod audiences;
mod presence;

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, in_order};
use super::origin::Origin;
use super::problem::Problem;
use super::table_reader::TableReader;
use crate::auth::{AccessRule, Action, Audience};
use crate::config::edge::HistoryDefaults;
use crate::config::values::{Kind, Raw};
use crate::history::HistoryLimits;
use crate::hub::{Overflow, TopicOptions};
use crate::presence::PresenceOptions;
use crate::protocol::{Pattern, TopicKind, nearest};

const HISTORY_KEYS: [&str; 3] = ["messages", "bytes", "age"];
const BYTES: Kind = Kind::Size { least: 1 };
const AGE: Kind = Kind::Time {
    least: Duration::ZERO,
};
const OVERFLOWS: &[&str] = &["evict", "drop-oldest", "latest-only"];

/// One entry of `[[channels]]` or `[[rooms]]`.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) kind: TopicKind,
    pub(super) pattern: Pattern,
    history: RuleHistory,
    overflow: Overflow,
    presence: Option<PresenceOptions>,
    audiences: Vec<(Action, Audience)>,
}

/// `history = false`, `history = 100` or `history = { messages = 100, age = "1m" }`.
#[derive(Debug, Default)]
enum RuleHistory {
    /// The same as for topics without a rule.
    #[default]
    Inherited,
    Off,
    On(GivenLimits),
}

/// The limits that a rule names; the others come from `[history]`.
#[derive(Debug, Default)]
struct GivenLimits {
    messages: Option<usize>,
    bytes: Option<GivenBytes>,
    age: Option<Duration>,
}

/// The `bytes` of a history in a rule.
#[derive(Debug)]
pub(super) struct GivenBytes {
    pub(super) bytes: usize,
    /// The value as it was written.
    pub(super) written: String,
    pub(super) origin: Origin,
    /// The key that a problem names.
    pub(super) path: String,
}

impl Rule {
    /// The `bytes` of the history, if the rule names them.
    pub(super) fn history_bytes(&self) -> Option<&GivenBytes> {
        match &self.history {
            RuleHistory::On(limits) => limits.bytes.as_ref(),
            _ => None,
        }
    }

    /// The options that the rule gives to its topics. What it leaves out comes from `defaults`.
    pub(super) fn options(&self, defaults: &HistoryDefaults) -> TopicOptions {
        let fallback = defaults.fallback(self.kind);
        let defaults = defaults.when_on();
        let history = match &self.history {
            RuleHistory::Inherited => fallback.history,
            RuleHistory::Off => None,
            RuleHistory::On(given) => Some(HistoryLimits {
                max_messages: given.messages.unwrap_or(defaults.max_messages),
                max_bytes: given
                    .bytes
                    .as_ref()
                    .map_or(defaults.max_bytes, |given| given.bytes),
                max_age: given.age.unwrap_or(defaults.max_age),
            }),
        };
        TopicOptions {
            history,
            overflow: self.overflow,
            presence: self.presence,
        }
    }

    /// Who may do what with its topics.
    pub(super) fn access(&self) -> AccessRule {
        let silent = AccessRule::new(self.kind, self.pattern.clone());
        let audiences = self.audiences.iter();
        audiences.fold(silent, |rule, &(action, audience)| {
            rule.with(action, audience)
        })
    }
}

/// Reads the array `name`. An entry with a problem is skipped; the others are still read.
pub(super) fn read(
    document: &Document<'_>,
    kind: TopicKind,
    name: &str,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Vec<Problem>,
) -> Vec<Rule> {
    let mut reader = TableReader { document, problems };
    let DeValue::Array(entries) = value.get_ref() else {
        reader.not_an_array(name, value);
        return Vec::new();
    };
    let mut rules = Vec::new();
    for entry in entries {
        match entry.get_ref() {
            DeValue::Table(table) => rules.extend(reader.rule(kind, name, entry, table)),
            _ => reader.not_an_array(name, entry),
        }
    }
    rules
}

impl TableReader<'_, '_> {
    fn not_an_array(&mut self, name: &str, value: &Spanned<DeValue<'_>>) {
        let origin = self.document.place(&value.span());
        let message = format!("`{name}` is a list of rules; write each as [[{name}]]");
        self.problems.push(Problem::new(origin, message));
    }

    /// Reads an entry of `[[name]]`.
    fn rule(
        &mut self,
        kind: TopicKind,
        name: &str,
        entry: &Spanned<DeValue<'_>>,
        table: &DeTable<'_>,
    ) -> Option<Rule> {
        let problems_before = self.problems.len();
        let keys = audiences::keys(kind);
        let mut pattern = None;
        let mut history = RuleHistory::default();
        let mut overflow = Overflow::default();
        let mut presence = None;
        let mut audiences = Vec::new();
        for (key, span, value) in in_order(table) {
            let origin = self.document.place(&span);
            let path = format!("{name}.{key}");
            match key {
                "pattern" => match self.raw(value) {
                    Raw::String(text) if !text.is_empty() => {
                        pattern = self.pattern(origin, &path, &text);
                    }
                    raw => self.wrong(origin, &path, format!("{raw} is not a pattern of names")),
                },
                "history" => history = self.history(origin, &path, value),
                "overflow" => {
                    let raw = self.raw(value);
                    let word: Option<String> =
                        self.value(origin, &path, Kind::Word(OVERFLOWS), &raw);
                    overflow = overflow_named(word.as_deref());
                }
                "presence" => presence = self.presence(origin, &path, value),
                _ => match audiences::action(kind, key) {
                    Some(action) => {
                        let audience = self.audience(origin, &path, value);
                        audiences.extend(audience.map(|audience| (action, audience)));
                    }
                    None => self.unknown(origin, &path, key, keys),
                },
            }
        }
        // A misspelled `pattern` is already reported as an unknown key.
        let is_pattern = |key: &str| nearest(key, keys.iter().copied()) == Some("pattern");
        if !table.iter().any(|(key, _)| is_pattern(key.get_ref())) {
            let origin = self.document.place(&entry.span());
            self.wrong(origin, name, "a rule needs a `pattern`".to_owned());
        }
        let has_problems = self.problems.len() > problems_before;
        let pattern = pattern.filter(|_| !has_problems)?;
        Some(Rule {
            kind,
            pattern,
            history,
            overflow,
            presence,
            audiences,
        })
    }

    fn history(&mut self, origin: Origin, path: &str, value: &Spanned<DeValue<'_>>) -> RuleHistory {
        if let DeValue::Table(table) = value.get_ref() {
            return RuleHistory::On(self.limits(path, table));
        }
        let messages = match self.raw(value) {
            Raw::Boolean(true) => return RuleHistory::On(GivenLimits::default()),
            Raw::Boolean(false) => None,
            raw @ Raw::Integer(_) => self.value(origin, path, messages_from(0), &raw),
            Raw::String(word) if Audience::named(&word).is_some() => {
                let message = format!("{word:?} says who may read it; that is `history_for`");
                self.wrong(origin, path, message);
                None
            }
            raw => {
                let how = "write false, a number of messages, or { messages, bytes, age }";
                self.wrong(origin, path, format!("{raw} is not a history; {how}"));
                None
            }
        };
        match messages {
            None | Some(0) => RuleHistory::Off,
            messages => RuleHistory::On(GivenLimits {
                messages,
                ..GivenLimits::default()
            }),
        }
    }

    fn limits(&mut self, path: &str, table: &DeTable<'_>) -> GivenLimits {
        let mut limits = GivenLimits::default();
        for (key, span, value) in in_order(table) {
            let (origin, raw) = (self.document.place(&span), self.raw(value));
            let path = format!("{path}.{key}");
            match key {
                "messages" => limits.messages = self.value(origin, &path, messages_from(1), &raw),
                "bytes" => {
                    let bytes = self.value(origin.clone(), &path, BYTES, &raw);
                    limits.bytes = bytes.map(|bytes| GivenBytes {
                        bytes,
                        written: raw.bare(),
                        origin,
                        path,
                    });
                }
                "age" => limits.age = self.value(origin, &path, AGE, &raw),
                _ => self.unknown(origin, &path, key, &HISTORY_KEYS),
            }
        }
        limits
    }
}

fn overflow_named(word: Option<&str>) -> Overflow {
    match word {
        Some("drop-oldest") => Overflow::DropOldest,
        Some("latest-only") => Overflow::LatestOnly,
        _ => Overflow::Evict,
    }
}

fn messages_from(least: u64) -> Kind {
    Kind::Number {
        least,
        most: u64::MAX,
    }
}
