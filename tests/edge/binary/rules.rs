//! `[[channels]]` and `[[rooms]]` of the file.

use serde_json::json;

use super::support::expect_problems;
use crate::support::{Binary, ConfigFile, run};

#[tokio::test]
async fn one_bad_entry_does_not_hide_the_next() {
    let file = ConfigFile::new(
        "[[channels]]\npatern = \"a\"\noverflow = \"drop_oldest\"\n\n\
         [[channels]]\nhistory = { messages = 0, ag = \"1m\", age = \"ten\" }\npattern = \"b\"\n\n\
         [[rooms]]\nhistory = \"lots\"\n\n\
         [[rooms]]\npattern = 5\nhistory = -1\n\n\
         [[rooms]]\npattern = \"c\"\nhistory = { bytes = \"1KiB\" }\n",
    );
    let path = file.path();
    let output = run(&["--config", path]).await;
    let problems = [
        "2: unknown key `channels.patern`; did you mean `pattern`?",
        "3: `channels.overflow`: \"drop_oldest\" is not one of evict, drop-oldest, latest-only; did you mean `drop-oldest`?",
        "6: `channels.history.messages`: 0 must be at least 1",
        "6: unknown key `channels.history.ag`; did you mean `age`?",
        "6: `channels.history.age`: \"ten\" is not a duration; write 30s, 5m or 24h",
        "9: `rooms`: a rule needs a `pattern`",
        "10: `rooms.history`: \"lots\" is not a history; write false, a number of messages, or { messages, bytes, age }",
        "13: `rooms.pattern`: 5 is not a pattern of names",
        "14: `rooms.history`: -1 must be at least 0",
        "18: `rooms.history.bytes`: 1KiB must be at least 64 bytes larger than connections.max_message_size (64KiB, default)",
    ]
    .map(|problem| format!("{path}:{problem}"));
    expect_problems(&output, &problems.each_ref().map(String::as_str));

    let file = ConfigFile::new(
        "[[channels]]\npattern = \"inbox-{user}\"\n[[channels]]\npattern = \"a\\u0007\"\n\
         [[rooms]]\npattern = \"a:{User}\"\n[[rooms]]\npattern = \"a:{id}:user\"\n",
    );
    let path = file.path();
    let output = run(&["--config", path]).await;
    let problems = [
        "2: `channels.pattern`: \"inbox-{user}\" has `{user}` beside other text; it must be a whole segment between `:` or the ends",
        "4: `channels.pattern`: \"a\\u{7}\" must not contain control characters",
        "6: `rooms.pattern`: \"a:{User}\" has the segment `{User}`; did you mean `{user}`?",
    ]
    .map(|problem| format!("{path}:{problem}"));
    expect_problems(&output, &problems.each_ref().map(String::as_str));

    let file = ConfigFile::new("channels = 5\nrooms = [1]\n");
    let path = file.path();
    let output = run(&["--config", path]).await;
    let problems = [
        "1: `channels` is a list of rules; write each as [[channels]]",
        "2: `rooms` is a list of rules; write each as [[rooms]]",
    ]
    .map(|problem| format!("{path}:{problem}"));
    expect_problems(&output, &problems.each_ref().map(String::as_str));
}

/// The number of publications that the server keeps for a channel with this name.
async fn kept(edge: &Binary, channel: &str) -> usize {
    for number in 0..5 {
        let event = json!({"channel": channel, "data": {"number": number}});
        let published = edge.http("POST", "/api/events", Some(&event)).await;
        assert_eq!(published.status, 200);
    }
    let path = format!("/api/channels/{channel}/history");
    let answer = edge.http("GET", &path, None).await;
    if answer.status != 200 {
        return 0;
    }
    answer.json()["items"].as_array().expect("a list").len()
}

#[tokio::test]
async fn the_first_matching_rule_applies_and_inherits_what_it_leaves_out() {
    let file = ConfigFile::new(
        "[history]\nmessages = 4\n\
         [[channels]]\npattern = \"off-*\"\nhistory = false\n\
         [[channels]]\npattern = \"two-*\"\nhistory = 2\n\
         [[channels]]\npattern = \"three-*\"\nhistory = { messages = 3, age = \"1h\" }\n\
         [[channels]]\npattern = \"on-*\"\nhistory = true\n\
         [[channels]]\npattern = \"same-*\"\noverflow = \"latest-only\"\n\
         [[channels]]\npattern = \"two-*\"\nhistory = 1\n",
    );
    let edge = Binary::start(&["--config", file.path()]).await;
    for (channel, expected) in [
        ("off-a", 0),
        ("two-a", 2),
        ("three-a", 3),
        ("on-a", 4),
        ("same-a", 4),
        ("other", 4),
    ] {
        assert_eq!(kept(&edge, channel).await, expected, "{channel}");
    }
}
