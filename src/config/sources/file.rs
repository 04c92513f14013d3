//! The configuration file.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::anonymous;
use super::api_keys::{self, GivenKeys};
use super::document::{Document, in_order};
use super::given::Given;
use super::problem::Problem;
use super::rules::{self, Rule};
use super::tls::{self, Further};
use super::tokens::{LISTS, TokenLists};
use super::unknown_key::{
    ANONYMOUS, is_section, section_without_keys, unknown_key, unknown_section,
};
use crate::auth::Grants;
use crate::config::settings::SETTINGS;
use crate::config::values::{Kind, Raw};
use crate::protocol::TopicKind;

/// The contents of a configuration file, and its problems.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) given: Vec<Given>,
    pub(super) rules: Vec<Rule>,
    /// Whether `[limits]` is there, even if it is empty.
    pub(super) has_limits: bool,
    /// `[anonymous]`, if it is there.
    pub(super) anonymous: Option<Grants>,
    pub(super) certificates: Vec<Further>,
    pub(super) tokens: TokenLists,
    pub(super) api_keys: GivenKeys,
    pub(super) problems: Vec<Problem>,
}

impl File {
    /// Parses the text of the file at `path`. One bad entry does not hide the next.
    pub(super) fn read(path: &str, text: &str) -> Self {
        let document = Document::new(path, text);
        let mut file = Self::default();
        match document.parse() {
            Ok(table) => file.read_table(&document, &table),
            Err(problem) => file.problems.push(problem),
        }
        file
    }

    fn read_table(&mut self, document: &Document<'_>, table: &DeTable<'_>) {
        for (name, span, value) in in_order(table) {
            let topics = match name {
                "channels" => Some(TopicKind::Channel),
                "rooms" => Some(TopicKind::Room),
                _ => None,
            };
            if let Some(kind) = topics {
                let rules = rules::read(document, kind, name, value, &mut self.problems);
                self.rules.extend(rules);
                continue;
            }
            if name == "api_keys" {
                self.api_keys = api_keys::read(document, value, &mut self.problems);
                continue;
            }
            let message = match value.get_ref() {
                DeValue::Table(section) if name == ANONYMOUS => {
                    let grants = anonymous::read(document, section, &mut self.problems);
                    self.anonymous = Some(grants);
                    continue;
                }
                _ if name == ANONYMOUS => section_without_keys(name),
                DeValue::Table(section) if is_section(name) => {
                    if name == "tokens" {
                        self.tokens.section = Some(document.place(&span));
                    }
                    self.has_limits |= name == "limits";
                    self.read_section(document, name, section);
                    continue;
                }
                _ if is_section(name) => section_without_keys(name),
                DeValue::Table(_) => unknown_section(name),
                DeValue::Array(items) if items.iter().any(is_table) => unknown_section(name),
                _ => unknown_key(name),
            };
            let problem = Problem::new(document.place(&span), message);
            self.problems.push(problem);
        }
    }

    fn read_section(&mut self, document: &Document<'_>, section: &str, table: &DeTable<'_>) {
        for (name, span, value) in in_order(table) {
            if section == "tokens" && LISTS.contains(&name) {
                self.tokens.read(document, name, value, &mut self.problems);
                continue;
            }
            if section == "tls" && name == tls::LIST {
                self.certificates = tls::read(document, value, &mut self.problems);
                continue;
            }
            let found = SETTINGS
                .iter()
                .find(|setting| setting.section() == section && setting.name() == name);
            let origin = document.place(&span);
            let Some(setting) = found else {
                let message = unknown_key(&format!("{section}.{name}"));
                self.problems.push(Problem::new(origin, message));
                continue;
            };
            let raw = document.raw(value);
            let raw = match (setting.kind, raw) {
                (Kind::Path | Kind::NeededPath, Raw::String(path)) => {
                    Raw::String(document.beside(&path))
                }
                (_, raw) => raw,
            };
            self.given.push(Given {
                setting,
                raw,
                origin,
            });
        }
    }
}

fn is_table(value: &Spanned<DeValue<'_>>) -> bool {
    matches!(value.get_ref(), DeValue::Table(_))
}

#[cfg(test)]
mod tests;
