//! `[[tokens.keys]]` and `[[tokens.jwks]]`: what tokens are verified with.

mod keys;
mod sets;

pub(crate) use keys::without_newline;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, in_order};
use super::origin::Origin;
use super::problem::Problem;
use crate::auth::jwks::KeySetOptions;
use crate::auth::token::{Algorithm, Key};
use crate::config::values::{Kind, Raw, Value};
use crate::protocol::{did_you_mean, did_you_mean_or, nearest};

/// The lists in the section `tokens`, beside its settings.
pub(super) const LISTS: [&str; 2] = ["keys", "jwks"];

/// Maximum length of the id of a key in bytes.
const MAX_ID_BYTES: usize = 200;

/// The lists of the section `[tokens]`.
#[derive(Debug, Default)]
pub(super) struct TokenLists {
    /// Where the section begins, if the file has one.
    pub(super) section: Option<Origin>,
    /// Whether there is any entry, even one with a problem.
    pub(super) has_entries: bool,
    pub(super) keys: Vec<Key>,
    pub(super) sets: Vec<KeySetOptions>,
}

impl TokenLists {
    /// Reads the list `name`. An entry with a problem is left out; the others are still read.
    pub(super) fn read(
        &mut self,
        document: &Document<'_>,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        problems: &mut Vec<Problem>,
    ) {
        let path = format!("tokens.{name}");
        let mut reader = Reader {
            document,
            path: &path,
            problems,
        };
        let DeValue::Array(entries) = value.get_ref() else {
            return reader.not_a_list(value);
        };
        let mut origins = Vec::new();
        for entry in entries {
            self.has_entries = true;
            origins.push(document.place(&entry.span()));
            match entry.get_ref() {
                DeValue::Table(table) if name == "keys" => {
                    self.keys.extend(keys::read(&mut reader, entry, table));
                }
                DeValue::Table(table) => {
                    self.sets.extend(sets::read(&mut reader, entry, table));
                }
                _ => reader.not_a_list(entry),
            }
        }
        if name == "jwks" && self.sets.len() > 1 && self.sets.len() == origins.len() {
            // Otherwise the keys of one issuer would verify the tokens of another.
            for (set, origin) in self.sets.iter().zip(origins) {
                if set.issuer.is_none() {
                    let message = "with more than one key set, each needs an `issuer`";
                    reader.problem(origin, message);
                }
            }
        }
    }
}

/// Reads the entries of one list.
struct Reader<'a, 'b> {
    document: &'b Document<'a>,
    /// The list: `tokens.keys` or `tokens.jwks`.
    path: &'b str,
    problems: &'b mut Vec<Problem>,
}

impl Reader<'_, '_> {
    fn not_a_list(&mut self, value: &Spanned<DeValue<'_>>) {
        let origin = self.document.place(&value.span());
        let path = self.path;
        let message = format!("`{path}` is a list; write each entry as [[{path}]]");
        self.problems.push(Problem::new(origin, message));
    }

    /// A problem with the entry as a whole.
    fn problem(&mut self, origin: Origin, message: impl Into<String>) {
        self.problems
            .push(Problem::of_value(origin, self.path, message));
    }

    /// A problem with the value of a key of the entry.
    fn wrong(&mut self, origin: Origin, key: &str, message: impl Into<String>) {
        let path = format!("{}.{key}", self.path);
        self.problems
            .push(Problem::of_value(origin, &path, message));
    }

    fn unknown(&mut self, origin: Origin, key: &str, known: &[&'static str]) {
        let all = format!("the keys here are {}", known.join(", "));
        let end = did_you_mean_or(nearest(key, known.iter().copied()), &all);
        let message = format!("unknown key `{}.{key}`{end}", self.path);
        self.problems.push(Problem::new(origin, message));
    }

    /// A text that is not empty.
    fn text(&mut self, origin: Origin, key: &str, raw: &Raw) -> Option<String> {
        match raw {
            Raw::String(text) if !text.is_empty() => Some(text.clone()),
            raw => {
                self.wrong(origin, key, format!("{raw} is not a text, or empty"));
                None
            }
        }
    }

    /// The name of an algorithm.
    fn algorithm(&mut self, origin: Origin, key: &str, raw: &Raw) -> Option<Algorithm> {
        let name = match raw {
            Raw::String(name) => name.as_str(),
            _ => "",
        };
        let algorithm = Algorithm::parse(name);
        if algorithm.is_none() {
            let names: Vec<&str> = Algorithm::names().collect();
            let end = did_you_mean(nearest(name, names.iter().copied()));
            let message = format!("{raw} is not one of {}{end}", names.join(", "));
            self.wrong(origin, key, message);
        }
        algorithm
    }

    fn value<T: TryFrom<Value>>(
        &mut self,
        origin: Origin,
        key: &str,
        kind: Kind,
        raw: &Raw,
    ) -> Option<T> {
        match kind.read(raw) {
            Ok(value) => value.try_into().ok(),
            Err(message) => {
                self.wrong(origin, key, message);
                None
            }
        }
    }

    /// The keys of an entry with their origins and values, in the order of the text.
    fn entries<'t>(&self, table: &'t DeTable<'_>) -> Vec<(&'t str, Origin, Raw)> {
        let entries = in_order(table).into_iter();
        let entries = entries
            .map(|(key, span, value)| (key, self.document.place(&span), self.document.raw(value)));
        entries.collect()
    }
}
