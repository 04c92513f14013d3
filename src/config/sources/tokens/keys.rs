//! An entry of `[[tokens.keys]]`.

use std::fs;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{MAX_ID_BYTES, Reader};
use crate::auth::token::{Algorithm, Family, Key, KeyError};
use crate::config::sources::origin::Origin;
use crate::config::values::Raw;

const KEYS: [&str; 5] = [
    "id",
    "algorithm",
    "secret",
    "secret_file",
    "public_key_file",
];

/// Where the key comes from.
enum Material {
    /// The secret itself. Never part of a message.
    Secret(String),
    /// A file with a secret.
    SecretFile(String),
    /// A file with a public key.
    PublicFile(String),
}

impl Material {
    /// The key in the entry.
    fn key(&self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::SecretFile(_) => "secret_file",
            Self::PublicFile(_) => "public_key_file",
        }
    }
}

/// Reads an entry. `None` if it has a problem, which is reported.
pub(super) fn read(
    reader: &mut Reader<'_, '_>,
    entry: &Spanned<DeValue<'_>>,
    table: &DeTable<'_>,
) -> Option<Key> {
    let problems_before = reader.problems.len();
    let (mut id, mut algorithm, mut material) = (None, None, None);
    for (key, origin, raw) in reader.entries(table) {
        match key {
            "id" => id = read_id(reader, origin, &raw),
            "algorithm" => algorithm = reader.algorithm(origin, key, &raw),
            "secret" | "secret_file" | "public_key_file" => {
                let given = read_material(reader, origin.clone(), key, raw);
                match (&material, given) {
                    (Some((first, _)), Some(_)) => {
                        let first = Material::key(first);
                        reader.wrong(origin, key, format!("`{first}` is already given"));
                    }
                    (None, given) => material = given.map(|given| (given, origin)),
                    _ => {}
                }
            }
            _ => reader.unknown(origin, key, &KEYS),
        }
    }
    // A mistake above may be what is missing below.
    if reader.problems.len() > problems_before {
        return None;
    }
    let origin = reader.document.place(&entry.span());
    let Some(algorithm) = algorithm else {
        reader.problem(origin, "a key needs an `algorithm`");
        return None;
    };
    let Some((material, place)) = material else {
        let needed = match algorithm.family() {
            Family::Secret => "`secret_file` or `secret`",
            _ => "`public_key_file`",
        };
        reader.problem(origin, format!("{} needs {needed}", algorithm.as_str()));
        return None;
    };
    let key = make(id.as_deref(), algorithm, &material);
    key.map_err(|message| reader.wrong(place, material.key(), message))
        .ok()
}

fn read_id(reader: &mut Reader<'_, '_>, origin: Origin, raw: &Raw) -> Option<String> {
    let id = reader.text(origin.clone(), "id", raw)?;
    if id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
        let message = "must have at most 200 bytes and no control characters";
        reader.wrong(origin, "id", message);
        return None;
    }
    Some(id)
}

fn read_material(
    reader: &mut Reader<'_, '_>,
    origin: Origin,
    key: &str,
    raw: Raw,
) -> Option<Material> {
    if key == "secret" {
        let Raw::String(secret) = raw else {
            // Not repeated in the message: it may be meant as the secret.
            reader.wrong(origin, key, "is not a text");
            return None;
        };
        return Some(Material::Secret(secret));
    }
    let path = reader.text(origin, key, &raw)?;
    let path = reader.document.beside(&path);
    Some(match key {
        "secret_file" => Material::SecretFile(path),
        _ => Material::PublicFile(path),
    })
}

fn make(id: Option<&str>, algorithm: Algorithm, material: &Material) -> Result<Key, String> {
    let (path, is_public) = match material {
        Material::Secret(secret) => {
            let key = Key::secret(id, algorithm, secret.as_bytes());
            return key.map_err(|error| error.to_string());
        }
        Material::SecretFile(path) => (path, false),
        Material::PublicFile(path) => (path, true),
    };
    // Before the file is read, since what is wrong is which kind of file it is.
    let mismatch = match (algorithm.family(), is_public) {
        (Family::Secret, true) => Some(KeyError::NeedsSecret),
        (family, false) if family != Family::Secret => Some(KeyError::NeedsKey(family)),
        _ => None,
    };
    if let Some(error) = mismatch {
        return Err(error.to_string());
    }
    let contents = fs::read(path).map_err(|error| {
        if is_public {
            format!("cannot read {path}: {error}")
        } else {
            // Not named: it may be the secret itself, in the wrong place.
            format!("cannot read the file (a relative path starts at this folder): {error}")
        }
    })?;
    let key = if is_public {
        Key::public_pem(id, algorithm, &contents)
    } else {
        Key::secret(id, algorithm, without_newline(&contents))
    };
    key.map_err(|error| format!("{path}: {error}"))
}

/// A secret from a file, without the newline that an editor puts at its end.
pub(crate) fn without_newline(contents: &[u8]) -> &[u8] {
    let line = contents.strip_suffix(b"\n");
    line.map_or(contents, |line| line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_at_the_end_is_cut_off() {
        for (contents, secret) in [
            (&b"a"[..], &b"a"[..]),
            (b"a\n", b"a"),
            (b"a\r\n", b"a"),
            (b"a\n\n", b"a\n"),
            (b"\na ", b"\na "),
            (b"a\r", b"a\r"),
            (b"", b""),
        ] {
            assert_eq!(without_newline(contents), secret);
        }
    }
}
