//! Who may do what, in a rule.

use toml::Spanned;
use toml::de::DeValue;

use crate::auth::{Action, Audience};
use crate::config::sources::origin::Origin;
use crate::config::sources::table_reader::TableReader;
use crate::config::values::Kind;
use crate::protocol::TopicKind;

/// The keys of a rule for topics of this kind.
pub(super) fn keys(kind: TopicKind) -> &'static [&'static str] {
    match kind {
        TopicKind::Channel => &[
            "pattern",
            "history",
            "overflow",
            "presence",
            "subscribe",
            "publish",
            "history_for",
            "presence_for",
        ],
        TopicKind::Room => &[
            "pattern",
            "history",
            "overflow",
            "presence",
            "join",
            "say",
            "history_for",
            "presence_for",
        ],
    }
}

/// The action whose audience this key says: its name, or with `_for` where the name is an option of
/// the topic.
pub(super) fn action(kind: TopicKind, key: &str) -> Option<Action> {
    Action::of(kind).iter().copied().find(|action| {
        let name = action.as_str();
        match action {
            Action::History | Action::Presence => key.strip_suffix("_for") == Some(name),
            _ => key == name,
        }
    })
}

impl TableReader<'_, '_> {
    pub(super) fn audience(
        &mut self,
        origin: Origin,
        path: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Audience> {
        let raw = self.raw(value);
        let word: Option<String> = self.value(origin, path, Kind::Word(Audience::WORDS), &raw);
        Audience::named(&word?)
    }
}
