//! Messages about keys that are not settings, with suggestions.

use super::tokens::LISTS;
use crate::config::setting::Setting;
use crate::config::settings::SETTINGS;
use crate::protocol::{did_you_mean, did_you_mean_or, nearest};

/// The section of what everybody may do. It has no settings.
pub(super) const ANONYMOUS: &str = "anonymous";

/// What is in a file beside the sections of settings.
const OTHERS: [&str; 4] = ["channels", "rooms", "api_keys", ANONYMOUS];

/// Where to look if there is no suggestion.
const ALL_KEYS: &str = "`wavecast config init` lists all keys";

/// Whether the file has a section of this name.
pub(super) fn is_section(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.section() == name)
}

/// The message about a key `name` or `section.name` that is not a setting.
pub(super) fn unknown_key(key: &str) -> String {
    let suggestion = match key.split_once('.') {
        Some((section, name)) if is_section(section) => within(section, name),
        Some((section, _)) => nearest_section(section),
        None => at_the_top(key),
    };
    let end = did_you_mean_or(suggestion, ALL_KEYS);
    format!("unknown key `{key}`{end}")
}

/// The message about a section that does not exist.
pub(super) fn unknown_section(name: &str) -> String {
    let end = did_you_mean_or(nearest_section(name), ALL_KEYS);
    format!("unknown key `{name}`{end}")
}

/// The message about a section that is written like a setting.
pub(super) fn section_without_keys(name: &str) -> String {
    let setting = by_name_or_flag(name).filter(|setting| setting.section() == name);
    let end = did_you_mean(setting.map(|setting| setting.key));
    format!("`{name}` is a section, not a setting{end}")
}

fn nearest_section(name: &str) -> Option<&'static str> {
    let sections = SETTINGS.iter().map(Setting::section);
    nearest(name, sections.chain(OTHERS))
}

fn within(section: &str, name: &str) -> Option<&'static str> {
    let here = SETTINGS
        .iter()
        .filter(|setting| setting.section() == section);
    let lists: &[&str] = if section == "tokens" { &LISTS } else { &[] };
    let names = here.map(Setting::name).chain(lists.iter().copied());
    let similar = nearest(name, names);
    similar.or_else(|| by_name_or_flag(name).map(|setting| setting.key))
}

/// The suggestion for a key without a section: most likely its section was left out.
fn at_the_top(name: &str) -> Option<&'static str> {
    let setting = by_name_or_flag(name).or_else(|| {
        let names = SETTINGS.iter().map(Setting::name);
        let flags = SETTINGS.iter().filter_map(|setting| setting.flag);
        by_name_or_flag(nearest(name, names.chain(flags))?)
    });
    setting.map(|setting| setting.key)
}

/// The setting with this name, in any section, or with a flag of this name.
fn by_name_or_flag(name: &str) -> Option<&'static Setting> {
    let flag = name.replace('_', "-");
    let by_name = SETTINGS.iter().find(|setting| setting.name() == name);
    by_name.or_else(|| SETTINGS.iter().find(|setting| setting.flag == Some(&flag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_corrected_within_the_section() {
        assert_eq!(
            unknown_key("publish.windw"),
            "unknown key `publish.windw`; did you mean `window`?"
        );
        assert_eq!(
            unknown_key("connections.ping-interval"),
            "unknown key `connections.ping-interval`; did you mean `ping_interval`?"
        );
        for key in ["publish.bogus", "foo", "foo.bar"] {
            let expected = format!("unknown key `{key}`; `wavecast config init` lists all keys");
            assert_eq!(unknown_key(key), expected);
        }
    }

    #[test]
    fn a_key_in_the_wrong_section_gets_the_right_one_suggested() {
        for (key, expected) in [
            ("listen", "server.listen"),
            ("lisen", "server.listen"),
            ("drain.listen", "server.listen"),
            ("max_connections", "connections.max"),
            ("connections.max_connections", "connections.max"),
            ("pubish.window", "publish"),
        ] {
            let message = format!("unknown key `{key}`; did you mean `{expected}`?");
            assert_eq!(unknown_key(key), message);
        }
        assert_eq!(
            unknown_section("pubish"),
            "unknown key `pubish`; did you mean `publish`?"
        );
        assert_eq!(
            unknown_section("chanels"),
            "unknown key `chanels`; did you mean `channels`?"
        );
        assert_eq!(
            section_without_keys("history"),
            "`history` is a section, not a setting; did you mean `history.messages`?"
        );
        assert_eq!(
            section_without_keys("drain"),
            "`drain` is a section, not a setting"
        );
    }
}
