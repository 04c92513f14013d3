//! `presence = true` or `presence = { linger = "5s", interval = "500ms", max_listed = 500 }` in a rule.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::auth::Audience;
use crate::config::sources::document::in_order;
use crate::config::sources::origin::Origin;
use crate::config::sources::table_reader::TableReader;
use crate::config::values::{Kind, Raw};
use crate::presence::PresenceOptions;

const KEYS: [&str; 3] = ["linger", "interval", "max_listed"];
const TIME: Kind = Kind::Time {
    least: Duration::ZERO,
};
const USERS: Kind = Kind::Number {
    least: 0,
    most: u64::MAX,
};

impl TableReader<'_, '_> {
    /// How the topics of a rule keep who is present; `None` if they do not.
    pub(super) fn presence(
        &mut self,
        origin: Origin,
        path: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<PresenceOptions> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(self.presence_options(path, table));
        }
        match self.raw(value) {
            Raw::Boolean(is_on) => is_on.then(PresenceOptions::default),
            Raw::String(word) if Audience::named(&word).is_some() => {
                let message = format!("{word:?} says who may see it; that is `presence_for`");
                self.wrong(origin, path, message);
                None
            }
            raw => {
                let how = "write true, false, or { linger, interval, max_listed }";
                self.wrong(
                    origin,
                    path,
                    format!("{raw} does not say how presence is kept; {how}"),
                );
                None
            }
        }
    }

    fn presence_options(&mut self, path: &str, table: &DeTable<'_>) -> PresenceOptions {
        let mut options = PresenceOptions::default();
        for (key, span, value) in in_order(table) {
            let (origin, raw) = (self.document.place(&span), self.raw(value));
            let path = format!("{path}.{key}");
            match key {
                "linger" => {
                    let linger = self.value(origin, &path, TIME, &raw);
                    options.linger = linger.unwrap_or(options.linger);
                }
                "interval" => {
                    let interval = self.value(origin, &path, TIME, &raw);
                    options.interval = interval.unwrap_or(options.interval);
                }
                "max_listed" => {
                    let users = self.value(origin, &path, USERS, &raw);
                    options.max_listed = users.unwrap_or(options.max_listed);
                }
                _ => self.unknown(origin, &path, key, &KEYS),
            }
        }
        options
    }
}
