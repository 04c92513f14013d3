//! `[anonymous]`: what a client without a token may do.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, in_order};
use super::origin::Origin;
use super::problem::Problem;
use super::table_reader::TableReader;
use crate::auth::{Actions, Grant, Grants};
use crate::config::values::Raw;
use crate::protocol::{Pattern, TopicKind};

const KEYS: [&str; 2] = ["channels", "rooms"];
const FORMS: &str = "write { \"news\" = [\"subscribe\"] }, or a list of patterns";

/// Reads the section. What has a problem is skipped; the rest is still read.
pub(super) fn read(
    document: &Document<'_>,
    table: &DeTable<'_>,
    problems: &mut Vec<Problem>,
) -> Grants {
    let mut reader = TableReader { document, problems };
    let (mut channels, mut rooms) = (Vec::new(), Vec::new());
    for (key, span, value) in in_order(table) {
        let path = format!("anonymous.{key}");
        match key {
            "channels" => channels = reader.grants(TopicKind::Channel, &path, value),
            "rooms" => rooms = reader.grants(TopicKind::Room, &path, value),
            _ => reader.unknown(document.place(&span), &path, key, &KEYS),
        }
    }
    Grants::new(channels, rooms)
}

impl TableReader<'_, '_> {
    /// Patterns with their actions, or a list of patterns.
    fn grants(&mut self, kind: TopicKind, path: &str, value: &Spanned<DeValue<'_>>) -> Vec<Grant> {
        match value.get_ref() {
            DeValue::Table(table) => in_order(table)
                .into_iter()
                .filter_map(|(text, span, value)| {
                    let origin = self.document.place(&span);
                    let pattern = self.pattern(origin.clone(), path, text);
                    let path = format!("{path}.{text:?}");
                    let actions = self.actions(kind, origin, &path, value);
                    pattern.zip(actions)
                })
                .collect(),
            DeValue::Array(items) => items
                .iter()
                .filter_map(|item| {
                    let pattern = self.listed_pattern(path, item)?;
                    Some((pattern, Actions::unless_named(kind)))
                })
                .collect(),
            _ => {
                let message = format!("{} is not a set of rights; {FORMS}", self.raw(value));
                self.wrong(self.document.place(&value.span()), path, message);
                Vec::new()
            }
        }
    }

    fn listed_pattern(&mut self, path: &str, item: &Spanned<DeValue<'_>>) -> Option<Pattern> {
        let origin = self.document.place(&item.span());
        match self.raw(item) {
            Raw::String(text) => self.pattern(origin, path, &text),
            raw => {
                self.wrong(origin, path, format!("{raw} is not a pattern of names"));
                None
            }
        }
    }

    fn actions(
        &mut self,
        kind: TopicKind,
        origin: Origin,
        path: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Actions> {
        let names = match self.raw(value) {
            Raw::List(items) => items
                .into_iter()
                .map(|item| match item {
                    Raw::String(name) => Ok(name),
                    raw => Err(format!("{raw} is not an action")),
                })
                .collect::<Result<Vec<String>, String>>(),
            raw => Err(format!("{raw} is not a list of actions")),
        };
        let actions =
            names.and_then(|names| Actions::named(kind, names.iter().map(String::as_str)));
        match actions {
            Ok(actions) => Some(actions),
            Err(message) => {
                self.wrong(origin, path, message);
                None
            }
        }
    }
}
