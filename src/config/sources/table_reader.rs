//! Reading a table of the file whose keys are not settings.

use toml::Spanned;
use toml::de::DeValue;

use super::document::Document;
use super::origin::Origin;
use super::problem::Problem;
use crate::config::values::{Kind, Raw, Value};
use crate::protocol::{NAME_CHARS, Pattern, did_you_mean_or, excerpt, nearest};

/// The placeholder for the client's own user id in a pattern.
const USER: &str = "{user}";

/// Reads values of a document and collects their problems.
pub(super) struct TableReader<'a, 'b> {
    pub(super) document: &'b Document<'a>,
    pub(super) problems: &'b mut Vec<Problem>,
}

impl TableReader<'_, '_> {
    /// The value as this kind. If it is not, that is a problem with `path`.
    pub(super) fn value<T: TryFrom<Value>>(
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

    /// The text as a pattern of names. If it is not, that is a problem with `path`.
    pub(super) fn pattern(&mut self, origin: Origin, path: &str, text: &str) -> Option<Pattern> {
        let problem = match Pattern::parse(text) {
            Err(error) => error.to_string(),
            Ok(pattern) => match text.split(':').find(|segment| is_misspelled_user(segment)) {
                None => return Some(pattern),
                // As it is, it would leave what it should protect to a later rule.
                Some(segment) => format!("has the segment `{segment}`; did you mean `{USER}`?"),
            },
        };
        let message = format!("{:?} {problem}", excerpt(text, NAME_CHARS));
        self.wrong(origin, path, message);
        None
    }

    /// The value as it was written.
    pub(super) fn raw(&self, value: &Spanned<DeValue<'_>>) -> Raw {
        self.document.raw(value)
    }

    /// A problem with the value of a key.
    pub(super) fn wrong(&mut self, origin: Origin, path: &str, message: String) {
        self.problems.push(Problem::of_value(origin, path, message));
    }

    /// A problem with a key that does not exist.
    pub(super) fn unknown(
        &mut self,
        origin: Origin,
        path: &str,
        key: &str,
        known: &[&'static str],
    ) {
        let all = format!("the keys here are {}", known.join(", "));
        let end = did_you_mean_or(nearest(key, known.iter().copied()), &all);
        let message = format!("unknown key `{path}`{end}");
        self.problems.push(Problem::new(origin, message));
    }
}

fn is_misspelled_user(segment: &str) -> bool {
    let is_in_braces = segment.starts_with('{') && segment.ends_with('}');
    is_in_braces && segment != USER && nearest(segment, [USER]).is_some()
}
