//! `[[api_keys]]`: the keys of the HTTP API.
//!
//! No problem repeats what may be a key: it would end up in a terminal or a log.

use std::time::SystemTime;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, in_order};
use super::origin::Origin;
use super::problem::Problem;
use crate::auth::{ApiKey, KEY_PREFIX, KeyHash, KeyId, SCOPES, Scopes};
use crate::config::values::Raw;
use crate::limits::Rate;
use crate::protocol::{did_you_mean_or, nearest};

const NAME: &str = "api_keys";
const KEYS: [&str; 5] = ["id", "sha256", "scopes", "rate", "expires"];

const A_KEY: &str =
    "this looks like a key, which belongs in no file; `wavecast key new` prints what does";
const NOT_A_HASH: &str =
    "this is not a SHA-256: 64 hexadecimal digits, as `wavecast key new` prints them";

/// The keys of a file.
#[derive(Debug, Default)]
pub(super) struct GivenKeys {
    pub(super) keys: Vec<ApiKey>,
    /// What is probably a mistake, but harmless.
    pub(super) warnings: Vec<Problem>,
}

/// Reads the array. An entry with a problem is skipped; the others are still read.
pub(super) fn read(
    document: &Document<'_>,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Vec<Problem>,
) -> GivenKeys {
    let mut reader = Reader {
        document,
        problems,
        seen: Vec::new(),
        read: GivenKeys::default(),
    };
    match value.get_ref() {
        DeValue::Array(entries) => {
            for entry in entries {
                match entry.get_ref() {
                    DeValue::Table(table) => reader.key(entry, table),
                    _ => reader.not_an_array(entry),
                }
            }
        }
        _ => reader.not_an_array(value),
    }
    reader.read
}

struct Reader<'a, 'b> {
    document: &'b Document<'a>,
    problems: &'b mut Vec<Problem>,
    /// Every id so far, and where its entry begins.
    seen: Vec<(KeyId, Origin)>,
    read: GivenKeys,
}

/// What an entry has said so far.
#[derive(Default)]
struct Entry {
    id: Option<(KeyId, Origin)>,
    hash: Option<KeyHash>,
    scopes: Option<Scopes>,
    rate: Option<Rate>,
    expires: Option<(SystemTime, Origin)>,
}

impl Reader<'_, '_> {
    fn not_an_array(&mut self, value: &Spanned<DeValue<'_>>) {
        let origin = self.document.place(&value.span());
        let message = format!("`{NAME}` is a list of keys; write each as [[{NAME}]]");
        self.problems.push(Problem::new(origin, message));
    }

    fn key(&mut self, place: &Spanned<DeValue<'_>>, table: &DeTable<'_>) {
        let problems_before = self.problems.len();
        let mut entry = Entry::default();
        for (key, span, value) in in_order(table) {
            let origin = self.document.place(&span);
            self.field(&mut entry, key, origin, value);
        }
        let origin = self.document.place(&place.span());
        for needed in ["id", "sha256", "scopes"] {
            // A misspelled one is already reported as an unknown key.
            let mut keys = table.iter().map(|(key, _)| key.get_ref());
            if !keys.any(|key| nearest(key, KEYS) == Some(needed)) {
                self.wrong(origin.clone(), NAME, format!("a key needs `{needed}`"));
            }
        }
        if let Some((id, place)) = &entry.id {
            self.remember(id, place);
        }
        if self.problems.len() > problems_before {
            return;
        }
        let (Some((id, _)), Some(hash), Some(scopes)) = (entry.id, entry.hash, entry.scopes) else {
            return;
        };
        let expires = entry.expires.map(|(at, origin)| {
            if at <= SystemTime::now() {
                let at = humantime::format_rfc3339_seconds(at);
                let message = format!("the key `{id}` has expired at {at}");
                let warning = Problem::of_value(origin, "api_keys.expires", message);
                self.read.warnings.push(warning);
            }
            at
        });
        self.read.keys.push(ApiKey {
            id,
            hash,
            scopes,
            rate: entry.rate,
            expires,
        });
    }

    fn field(
        &mut self,
        entry: &mut Entry,
        key: &str,
        origin: Origin,
        value: &Spanned<DeValue<'_>>,
    ) {
        let (raw, path) = (self.document.raw(value), format!("{NAME}.{key}"));
        if may_be_a_key(&raw) {
            self.wrong(origin, &path, A_KEY.to_owned());
            return;
        }
        let message = match (key, &raw) {
            ("id", Raw::String(id)) => match KeyId::parse(id) {
                Ok(id) => {
                    entry.id = Some((id, origin));
                    return;
                }
                Err(error) => error.to_string(),
            },
            ("sha256", Raw::String(hash)) => match KeyHash::from_hex(hash.trim()) {
                Some(hash) => {
                    entry.hash = Some(hash);
                    return;
                }
                None => NOT_A_HASH.to_owned(),
            },
            ("scopes", Raw::List(scopes)) => match read_scopes(scopes) {
                Ok(scopes) => {
                    entry.scopes = Some(scopes);
                    return;
                }
                Err(message) => message,
            },
            ("rate", Raw::String(rate)) => match Rate::parse(rate.trim()) {
                Ok(rate) => {
                    entry.rate = Some(rate);
                    return;
                }
                Err(_) => format!("{raw} is not a rate; write 1000/s, 20/m or 5/h"),
            },
            ("expires", _) => match expiry(&raw) {
                Some(at) => {
                    entry.expires = Some((at, origin));
                    return;
                }
                None => format!("{raw} is not a time; write \"2027-01-01T00:00:00Z\""),
            },
            ("id", _) => "the id of a key is text; write \"shop\"".to_owned(),
            ("sha256", _) => NOT_A_HASH.to_owned(),
            ("scopes", _) => format!("{raw} is not a list; write [\"publish\"]"),
            ("rate", _) => format!("{raw} is not a rate; write \"1000/s\""),
            _ => {
                let all = format!("the keys here are {}", KEYS.join(", "));
                let end = did_you_mean_or(nearest(key, KEYS), &all);
                let message = format!("unknown key `{path}`{end}");
                self.problems.push(Problem::new(origin, message));
                return;
            }
        };
        self.wrong(origin, &path, message);
    }

    /// Refuses an id that another entry has.
    fn remember(&mut self, id: &KeyId, place: &Origin) {
        match self.seen.iter().find(|(seen, _)| seen == id) {
            Some((_, first)) => {
                let message = format!("`{id}` is already the id of another key, at {first}");
                self.wrong(place.clone(), "api_keys.id", message);
            }
            None => self.seen.push((id.clone(), place.clone())),
        }
    }

    fn wrong(&mut self, origin: Origin, path: &str, message: String) {
        self.problems.push(Problem::of_value(origin, path, message));
    }
}

fn may_be_a_key(raw: &Raw) -> bool {
    match raw {
        Raw::Text(text) | Raw::String(text) | Raw::Other(text) => text.contains(KEY_PREFIX),
        Raw::List(items) => items.iter().any(may_be_a_key),
        Raw::Integer(_) | Raw::Boolean(_) => false,
    }
}

fn read_scopes(list: &[Raw]) -> Result<Scopes, String> {
    let mut scopes = Scopes::default();
    for scope in list {
        match scope {
            Raw::String(scope) => scopes.add(scope).map_err(|error| error.to_string())?,
            other => {
                return Err(format!(
                    "{other} is not a scope; write {}",
                    SCOPES.join(", ")
                ));
            }
        }
    }
    if list.is_empty() {
        return Err(format!(
            "a key without scopes may do nothing; write {}",
            SCOPES.join(", ")
        ));
    }
    Ok(scopes)
}

/// A time in UTC: text, or a date of TOML.
fn expiry(raw: &Raw) -> Option<SystemTime> {
    let (Raw::String(text) | Raw::Other(text)) = raw else {
        return None;
    };
    humantime::parse_rfc3339(text.trim()).ok()
}
