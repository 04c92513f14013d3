//! An entry of `[[tokens.jwks]]`.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Reader;
use crate::auth::jwks::KeySetOptions;
use crate::auth::token::{Algorithm, Family};
use crate::authority::KeyUrl;
use crate::config::sources::origin::Origin;
use crate::config::values::{Kind, Raw};

const KEYS: [&str; 4] = ["url", "algorithms", "issuer", "refresh"];

const REFRESH: Kind = Kind::Time {
    least: Duration::from_secs(1),
};
const DEFAULT_REFRESH: Duration = Duration::from_secs(600);

/// Reads an entry. `None` if it has a problem, which is reported.
pub(super) fn read(
    reader: &mut Reader<'_, '_>,
    entry: &Spanned<DeValue<'_>>,
    table: &DeTable<'_>,
) -> Option<KeySetOptions> {
    let problems_before = reader.problems.len();
    let (mut url, mut algorithms, mut issuer, mut refresh) = (None, None, None, None);
    for (key, origin, raw) in reader.entries(table) {
        match key {
            "url" => url = read_url(reader, origin, &raw),
            "algorithms" => algorithms = Some(read_algorithms(reader, &origin, &raw)),
            "issuer" => issuer = reader.text(origin, key, &raw),
            "refresh" => refresh = reader.value(origin, key, REFRESH, &raw),
            _ => reader.unknown(origin, key, &KEYS),
        }
    }
    if reader.problems.len() > problems_before {
        return None;
    }
    let (Some(url), Some(algorithms)) = (url, algorithms) else {
        let origin = reader.document.place(&entry.span());
        reader.problem(origin, "a key set needs a `url` and its `algorithms`");
        return None;
    };
    Some(KeySetOptions {
        url,
        algorithms,
        issuer,
        refresh: refresh.unwrap_or(DEFAULT_REFRESH),
    })
}

fn read_url(reader: &mut Reader<'_, '_>, origin: Origin, raw: &Raw) -> Option<String> {
    let url = reader.text(origin.clone(), "url", raw)?;
    match KeyUrl::parse(&url) {
        Ok(_) => Some(url),
        Err(error) => {
            // Without the URL: there may be a password in it.
            reader.wrong(origin, "url", error.to_string());
            None
        }
    }
}

fn read_algorithms(reader: &mut Reader<'_, '_>, origin: &Origin, raw: &Raw) -> Vec<Algorithm> {
    let items = match raw {
        Raw::List(items) if !items.is_empty() => items.as_slice(),
        raw => {
            let message = format!("{raw} is not a list of algorithms; write [\"RS256\"]");
            reader.wrong(origin.clone(), "algorithms", message);
            return Vec::new();
        }
    };
    let mut algorithms = Vec::new();
    for item in items {
        let Some(algorithm) = reader.algorithm(origin.clone(), "algorithms", item) else {
            continue;
        };
        if algorithm.family() == Family::Secret {
            let name = algorithm.as_str();
            let message = format!("{name} needs a secret, and everybody can read a key set");
            reader.wrong(origin.clone(), "algorithms", message);
        } else if !algorithms.contains(&algorithm) {
            algorithms.push(algorithm);
        }
    }
    algorithms
}
