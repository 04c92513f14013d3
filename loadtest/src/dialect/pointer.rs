//! JSON pointers (RFC 6901) into text, without parsing the rest of it.

use crate::wire::json::{Scanner, unquoted};

/// A path into a JSON document. Keys with escapes (`~0`, `~1`) are not supported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer(Vec<String>);

impl Pointer {
    /// Parses `/a/0/b`, or the empty text for the whole document.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix('/') {
            Some(rest) => Ok(Self(rest.split('/').map(str::to_owned).collect())),
            None if text.is_empty() => Ok(Self(Vec::new())),
            None => Err(format!(
                "`{text}` is not a JSON pointer (example: /data/payload)"
            )),
        }
    }

    /// The raw value it points to. `None` if there is none, or the text is not JSON up to there.
    pub(crate) fn find<'a>(&self, json: &'a [u8]) -> Option<&'a [u8]> {
        let mut value = json;
        for step in &self.0 {
            value = member(value, step).or_else(|| item(value, step.parse().ok()?))?;
        }
        Some(value)
    }

    /// The string it points to, without its quotes.
    pub(crate) fn find_text<'a>(&self, json: &'a [u8]) -> Option<&'a [u8]> {
        self.find(json).map(unquoted)
    }
}

fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut scanner = Scanner {
        bytes: object,
        at: 0,
    };
    let mut found = None;
    // Stops at the member, which is enough.
    let _ = scanner.object(|scanner, key| {
        let value = scanner.value()?;
        if key == name.as_bytes() {
            found = Some(value);
            return None;
        }
        Some(())
    });
    found
}

fn item(array: &[u8], index: usize) -> Option<&[u8]> {
    let mut scanner = Scanner {
        bytes: array,
        at: 0,
    };
    scanner.take(b'[')?;
    for _ in 0..index {
        scanner.value()?;
        scanner.take(b',')?;
    }
    scanner.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_members_and_items() {
        let json = br#" {"a":[1,{"b":"x\"y"},[]],"c":{"d":{"e":2}}}"#;
        for (pointer, value) in [
            ("/a/0", Some("1")),
            ("/a/1/b", Some(r#""x\"y""#)),
            ("/c/d", Some(r#"{"e":2}"#)),
            ("/c/d/e", Some("2")),
            ("/a/3", None),
            ("/c/x", None),
            ("/a/b", None),
        ] {
            let found = Pointer::parse(pointer).expect("valid").find(json);
            assert_eq!(found, value.map(str::as_bytes), "{pointer}");
        }
        let whole = Pointer::parse("").expect("valid");
        assert_eq!(whole.find(b"[1]"), Some(&b"[1]"[..]));
        assert!(Pointer::parse("a").is_err());
    }
}
