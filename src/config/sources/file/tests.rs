use std::time::Duration;

use super::*;
use crate::config::edge::HistoryDefaults;
use crate::history::HistoryLimits;
use crate::hub::{Overflow, TopicRules};

fn topics(file: &File) -> TopicRules {
    let defaults = HistoryDefaults {
        messages: Some(0),
        limits: HistoryLimits::default(),
    };
    let rules = file.rules.iter();
    rules.fold(TopicRules::default(), |topics, rule| {
        topics.with(rule.kind, rule.pattern.as_str(), rule.options(&defaults))
    })
}

#[test]
fn rules_are_read_in_order_and_inherit_what_they_leave_out() {
    let text = r#"
        [[channels]]
        pattern = "ticker:*"
        history = false
        overflow = "latest-only"

        [[channels]]
        pattern = "orders:*"
        history = { messages = 5000, age = "1h" }

        [[channels]]
        pattern = "feed:*"
        history = { bytes = "2MiB" }
        overflow = "drop-oldest"

        [[rooms]]
        pattern = "*"
        history = 50
    "#;
    let file = File::read("wavecast.toml", text);
    assert_eq!(file.problems, []);
    let rules = topics(&file);
    let ticker = rules.options(TopicKind::Channel, "ticker:ACME");
    assert_eq!(ticker.overflow, Overflow::LatestOnly);
    assert_eq!(ticker.history, None);
    let orders = rules.options(TopicKind::Channel, "orders:7");
    assert_eq!(orders.overflow, Overflow::Evict);
    let orders = orders.history.unwrap();
    assert_eq!(orders.max_messages, 5000);
    assert_eq!(orders.max_age, Duration::from_secs(3600));
    assert_eq!(orders.max_bytes, HistoryLimits::default().max_bytes);
    let feed = rules.options(TopicKind::Channel, "feed:1");
    assert_eq!(feed.overflow, Overflow::DropOldest);
    assert_eq!(feed.history.unwrap().max_bytes, 2 * 1024 * 1024);
    let room = rules.options(TopicKind::Room, "general").history.unwrap();
    assert_eq!(room.max_messages, 50);
    assert_eq!(rules.options(TopicKind::Channel, "news").history, None);
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let file = File::read("wavecast.toml", "[[channels]]\npatern = \"x\"");
    let problems: Vec<String> = file.problems.iter().map(ToString::to_string).collect();
    let problem = "wavecast.toml:2: unknown key `channels.patern`; did you mean `pattern`?";
    assert_eq!(problems, [problem]);
}

#[test]
fn a_path_is_relative_to_the_folder_of_the_file() {
    for (written, expected) in [
        ("history.bin", "etc/wavecast/history.bin"),
        (" ../a b", "etc/wavecast/../a b"),
        ("/var/lib/history.bin", "/var/lib/history.bin"),
        ("", ""),
    ] {
        let text = format!("[history]\nfile = \"{written}\"\n");
        let file = File::read("etc/wavecast/wavecast.toml", &text);
        assert_eq!(file.given[0].raw, Raw::String(expected.to_owned()));
    }
    let file = File::read("wavecast.toml", "history.file = \"h\"");
    assert_eq!(file.given[0].raw, Raw::String("h".to_owned()));
}

#[test]
fn keys_may_be_dotted_and_sections_inline() {
    let text = "publish.window = \"1m\"\noutbox = { messages = 5, bytes = \"2MiB\" }\n";
    let file = File::read("wavecast.toml", text);
    assert_eq!(file.problems, []);
    let keys: Vec<&str> = file.given.iter().map(|given| given.setting.key).collect();
    assert_eq!(keys, ["publish.window", "outbox.messages", "outbox.bytes"]);
}
