//! `[[channels]]` and `[[rooms]]`: rules for channels and rooms, by name.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, in_order};
use super::origin::Origin;
use super::problem::Problem;
use crate::config::edge::HistoryDefaults;
use crate::config::values::{Kind, Raw, Value};
use crate::history::HistoryLimits;
use crate::hub::{Overflow, TopicOptions};
use crate::protocol::{
    NAME_CHARS, Pattern, PatternError, TopicKind, did_you_mean_or, excerpt, nearest,
};

const KEYS: [&str; 3] = ["pattern", "history", "overflow"];
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
    pub(super) pattern: String,
    history: RuleHistory,
    overflow: Overflow,
    /// Where the entry begins.
    pub(super) origin: Origin,
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
        }
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
    let mut reader = Reader {
        document,
        name,
        problems,
    };
    let DeValue::Array(entries) = value.get_ref() else {
        reader.not_an_array(value);
        return Vec::new();
    };
    let mut rules = Vec::new();
    for entry in entries {
        match entry.get_ref() {
            DeValue::Table(table) => rules.extend(reader.rule(kind, entry, table)),
            _ => reader.not_an_array(entry),
        }
    }
    rules
}

struct Reader<'a, 'b> {
    document: &'b Document<'a>,
    /// `channels` or `rooms`.
    name: &'b str,
    problems: &'b mut Vec<Problem>,
}

impl Reader<'_, '_> {
    fn not_an_array(&mut self, value: &Spanned<DeValue<'_>>) {
        let origin = self.document.place(&value.span());
        let message = format!("`{0}` is a list of rules; write each as [[{0}]]", self.name);
        self.problems.push(Problem::new(origin, message));
    }

    fn rule(
        &mut self,
        kind: TopicKind,
        entry: &Spanned<DeValue<'_>>,
        table: &DeTable<'_>,
    ) -> Option<Rule> {
        let problems_before = self.problems.len();
        let mut rule = Rule {
            kind,
            pattern: String::new(),
            history: RuleHistory::default(),
            overflow: Overflow::default(),
            origin: self.document.place(&entry.span()),
        };
        for (key, span, value) in in_order(table) {
            let origin = self.document.place(&span);
            let path = format!("{}.{key}", self.name);
            match key {
                "pattern" => match self.document.raw(value) {
                    Raw::String(text) if !text.is_empty() => match Pattern::parse(&text) {
                        Ok(_) => rule.pattern = text,
                        Err(error) => self.wrong(origin, &path, not_a_pattern(&text, error)),
                    },
                    raw => self.wrong(origin, &path, format!("{raw} is not a pattern of names")),
                },
                "history" => rule.history = self.history(origin, &path, value),
                "overflow" => {
                    let raw = self.document.raw(value);
                    let word: Option<String> =
                        self.value(origin, &path, Kind::Word(OVERFLOWS), &raw);
                    rule.overflow = overflow(word.as_deref());
                }
                _ => self.unknown(origin, &path, key, KEYS),
            }
        }
        // A misspelled `pattern` is already reported as an unknown key.
        if !table
            .iter()
            .any(|(key, _)| nearest(key.get_ref(), KEYS) == Some("pattern"))
        {
            let origin = rule.origin.clone();
            self.wrong(origin, self.name, "a rule needs a `pattern`".to_owned());
        }
        (self.problems.len() == problems_before).then_some(rule)
    }

    fn history(&mut self, origin: Origin, path: &str, value: &Spanned<DeValue<'_>>) -> RuleHistory {
        if let DeValue::Table(table) = value.get_ref() {
            return RuleHistory::On(self.limits(path, table));
        }
        let messages = match self.document.raw(value) {
            Raw::Boolean(true) => return RuleHistory::On(GivenLimits::default()),
            Raw::Boolean(false) => None,
            raw @ Raw::Integer(_) => self.value(origin, path, messages_from(0), &raw),
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
            let (origin, raw) = (self.document.place(&span), self.document.raw(value));
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
                _ => self.unknown(origin, &path, key, HISTORY_KEYS),
            }
        }
        limits
    }

    fn value<T: TryFrom<Value>>(
        &mut self,
        origin: Origin,
        path: &str,
        kind: Kind,
        raw: &Raw,
    ) -> Option<T> {
        match kind.read(raw) {
            Ok(value) => value.try_into().ok(),
            Err(message) => {
                self.wrong(origin, path, message);
                None
            }
        }
    }

    fn wrong(&mut self, origin: Origin, path: &str, message: String) {
        self.problems.push(Problem::of_value(origin, path, message));
    }

    fn unknown(&mut self, origin: Origin, path: &str, key: &str, known: [&'static str; 3]) {
        let all = format!("the keys here are {}", known.join(", "));
        let end = did_you_mean_or(nearest(key, known), &all);
        let message = format!("unknown key `{path}`{end}");
        self.problems.push(Problem::new(origin, message));
    }
}

/// The message about a text that is not a pattern.
fn not_a_pattern(text: &str, error: PatternError) -> String {
    format!("{:?} {error}", excerpt(text, NAME_CHARS))
}

fn overflow(word: Option<&str>) -> Overflow {
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
