//! Whether to serve the start page.

use super::value::Value;

/// The value of `server.page`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartPage {
    On,
    Off,
    /// Only where others cannot reach it, or in development.
    Auto,
}

impl StartPage {
    /// How the setting's values are written, in the order of the variants.
    pub(crate) const WORDS: &'static [&'static str] = &["on", "off", "auto"];

    /// Whether to serve the page; `is_safe` decides for [`Auto`](Self::Auto).
    pub(crate) fn is_on(self, is_safe: bool) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::Auto => is_safe,
        }
    }
}

impl TryFrom<Value> for StartPage {
    type Error = Value;

    fn try_from(value: Value) -> Result<Self, Value> {
        match &value {
            Value::Text(word) if word == "on" => Ok(Self::On),
            Value::Text(word) if word == "off" => Ok(Self::Off),
            Value::Text(word) if word == "auto" => Ok(Self::Auto),
            _ => Err(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_a_value() {
        let values = StartPage::WORDS
            .iter()
            .map(|&word| Value::Text(word.to_owned()).try_into());
        let expected = [StartPage::On, StartPage::Off, StartPage::Auto].map(Ok);
        assert_eq!(values.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_auto_depends_on_the_address() {
        let is_on = |page: StartPage| [page.is_on(true), page.is_on(false)];
        assert_eq!(is_on(StartPage::On), [true, true]);
        assert_eq!(is_on(StartPage::Off), [false, false]);
        assert_eq!(is_on(StartPage::Auto), [true, false]);
    }
}
