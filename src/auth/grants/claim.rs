//! The claims `channels` and `rooms` of a token.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};

use super::{Grant, MAX_PATTERNS};
use crate::auth::action::Actions;
use crate::protocol::{NAME_CHARS, Pattern, TopicKind, excerpt};

/// Reads a claim of at most `most` patterns. Errors: what is wrong, for the debug log.
pub(super) fn read(kind: TopicKind, text: &str, most: usize) -> Result<Vec<Grant>, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let claim = Claim {
        kind,
        most,
        grants: Vec::new(),
    };
    let grants = json.deserialize_any(claim);
    let grants = grants.and_then(|grants| json.end().map(|()| grants));
    grants.map_err(|error| error.to_string())
}

/// The claim as far as it was read.
struct Claim {
    kind: TopicKind,
    most: usize,
    grants: Vec<Grant>,
}

impl Claim {
    fn add<E: Error>(&mut self, text: &str, actions: Actions) -> Result<(), E> {
        if self.grants.len() == self.most {
            return Err(E::custom(format_args!("more than {MAX_PATTERNS} patterns")));
        }
        let pattern = Pattern::parse(text).map_err(|error| {
            E::custom(format_args!(
                "pattern {:?} {error}",
                excerpt(text, NAME_CHARS)
            ))
        })?;
        self.grants.push((pattern, actions));
        Ok(())
    }
}

impl<'de> Visitor<'de> for Claim {
    type Value = Vec<Grant>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of patterns with their actions, or a list of patterns")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(text) = map.next_key::<String>()? {
            // serde would keep one of them: which rights are meant cannot be known.
            if self.grants.iter().any(|(known, _)| known.as_str() == text) {
                let text = excerpt(&text, NAME_CHARS);
                return Err(A::Error::custom(format_args!(
                    "pattern {text:?} is repeated"
                )));
            }
            let names: Vec<String> = map.next_value()?;
            let actions = Actions::named(self.kind, names.iter().map(String::as_str));
            self.add(&text, actions.map_err(A::Error::custom)?)?;
        }
        Ok(self.grants)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Self::Value, A::Error> {
        let actions = Actions::unless_named(self.kind);
        while let Some(text) = list.next_element::<String>()? {
            self.add(&text, actions)?;
        }
        Ok(self.grants)
    }
}
