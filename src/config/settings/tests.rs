use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::config::EdgeConfig;
use crate::config::values::{Raw, Value};
use crate::history::HistoryLimits;

/// The whole configuration as text, so that a change by any setting shows.
fn shown(config: &EdgeConfig) -> String {
    format!("{config:?}")
}

fn set(config: &mut EdgeConfig, setting: &Setting, text: &str) {
    let value = setting.kind.read(&Raw::text(text));
    let value = value.unwrap_or_else(|error| panic!("{}: {error}", setting.key));
    (setting.set)(config, value);
}

/// A value of this setting that is not its default, and if it is no switch, that of no other.
fn another(setting: &Setting) -> &'static str {
    match setting.kind {
        Kind::Switch if setting.default == "true" => "false",
        Kind::Switch => "true",
        Kind::Number { .. } => "77",
        Kind::Size { .. } => "77KiB",
        Kind::Time { .. } => "77s",
        Kind::Address | Kind::OptionalAddress => ":77",
        Kind::LogFilter => "trace",
        Kind::Path | Kind::NeededPath => "/other",
        Kind::WebOrigins | Kind::AllowedOrigins => "https://other.example",
        Kind::Texts => "other",
        Kind::Rate => "77/s",
        Kind::ByteRate => "77KiB/s",
        Kind::Networks => "192.0.2.77",
        Kind::Word(words) => words[0],
    }
}

#[test]
fn keys_flags_and_variables_are_unique() {
    let keys: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.key).collect();
    let flags: BTreeSet<_> = SETTINGS.iter().filter_map(|setting| setting.flag).collect();
    let variables: BTreeSet<_> = SETTINGS.iter().map(Setting::variable).collect();
    let with_flag = SETTINGS.iter().filter(|setting| setting.flag.is_some());
    assert_eq!(keys.len(), SETTINGS.len());
    assert_eq!(flags.len(), with_flag.count());
    assert_eq!(variables.len(), SETTINGS.len());
    assert!(!variables.contains("WAVECAST_CONFIG"));
    assert!(!flags.contains("config") && !flags.contains("set") && !flags.contains("help"));
}

#[test]
fn keys_are_snake_case_and_flags_are_kebab_case() {
    for setting in SETTINGS {
        let is_word = |text: &str, joiner: char| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == joiner)
        };
        assert!(is_word(setting.section(), '_'), "{}", setting.key);
        assert!(is_word(setting.name(), '_'), "{}", setting.key);
        assert!(setting.flag.is_none_or(|flag| is_word(flag, '-')));
    }
}

#[test]
fn no_variable_collides_with_those_of_kubernetes() {
    for variable in SETTINGS.iter().map(Setting::variable) {
        let name = variable.strip_prefix("WAVECAST_").expect("the prefix");
        assert!(
            !name.starts_with("PORT") && !name.starts_with("SERVICE"),
            "{variable}"
        );
    }
}

#[test]
fn a_key_without_a_flag_has_a_variable_too() {
    let setting = Setting {
        flag: None,
        ..*by_key("history.total").expect("a setting")
    };
    assert_eq!(setting.variable(), "WAVECAST_HISTORY_TOTAL");
}

#[test]
fn the_defaults_of_the_table_match_those_of_the_configuration() {
    for setting in SETTINGS {
        let (mut config, mut expected) = (EdgeConfig::default(), EdgeConfig::default());
        if setting.kind == Kind::NeededPath {
            // It has no default that could be written.
            continue;
        }
        set(&mut config, setting, setting.default);
        if setting.key == "history.messages" {
            // Set, it holds for rooms too.
            assert_eq!(expected.history.messages, None);
            expected.history.messages = Some(HistoryLimits::default().max_messages);
        }
        assert_eq!(shown(&config), shown(&expected), "{}", setting.key);
    }
}

#[test]
fn every_setting_changes_a_different_part_of_the_configuration() {
    let mut changed = BTreeSet::from([shown(&EdgeConfig::default())]);
    for setting in SETTINGS {
        let mut config = EdgeConfig::default();
        set(&mut config, setting, another(setting));
        assert!(changed.insert(shown(&config)), "{}", setting.key);
    }
}

#[test]
fn the_ranges_of_the_table_match_those_of_the_library() {
    for setting in SETTINGS {
        let key = setting.key;
        // The library has no configuration of tokens yet, and none of TLS; rates always have a burst.
        if matches!(setting.section(), "tokens" | "tls") || key.ends_with("_burst") {
            continue;
        }
        let (inside, below) = match setting.kind {
            Kind::Number { least: 1.., .. } => (Value::Number(1), Value::Number(0)),
            Kind::Size { .. } => (Value::Size(1), Value::Size(0)),
            Kind::Time { least } if !least.is_zero() => {
                (Value::Time(least), Value::Time(Duration::ZERO))
            }
            _ => continue,
        };
        let is_refused = |value: Value| {
            let mut config = EdgeConfig::default();
            (setting.set)(&mut config, value);
            let problems = config.server.problems();
            let of_range = format!("{key} must be");
            problems
                .iter()
                .any(|problem| problem.to_string().starts_with(&of_range))
        };
        assert!(!is_refused(inside), "{key}");
        // Sizes that must hold a message are compared with its size instead.
        let is_compared =
            matches!(setting.kind, Kind::Size { .. }) && key != "connections.max_message_size";
        assert!(
            is_compared || key == "connections.pong_timeout" || is_refused(below),
            "{key}"
        );
    }
}

#[test]
fn help_is_one_sentence_without_its_period_and_the_rest_is_whole_sentences() {
    for setting in SETTINGS {
        let (help, more) = (setting.help, setting.more);
        assert!(help.starts_with(char::is_uppercase), "{help}");
        assert!(
            !help.ends_with(['.', ' ', '\n']) && !help.contains(". "),
            "{help}"
        );
        assert!(help.len() < 110, "{help}");
        assert!(more.is_empty() || more.ends_with('.'), "{more}");
        assert!(!more.contains("  "), "{more}");
    }
}

#[test]
fn settings_under_one_heading_are_next_to_each_other() {
    let headings: Vec<_> = SETTINGS.iter().map(|setting| setting.heading).collect();
    assert!(headings.is_sorted(), "{headings:?}");
}

#[test]
fn a_reload_takes_effect_as_documented() {
    let reload = |key| by_key(key).map(|setting| setting.reload);
    assert_eq!(reload("server.listen"), Some(Restart));
    assert_eq!(reload("connections.ping_interval"), Some(Restart));
    assert_eq!(reload("connections.max_message_size"), Some(New));
    assert_eq!(reload("history.messages"), Some(Live));
}
