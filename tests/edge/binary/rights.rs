//! Rights in the configuration file, and a start that nothing protects.

use super::support::{expect_ok, expect_problems, text};
use crate::support::{Binary, ConfigFile, run};

const OPEN: &str = "can be reached by others and nothing says who may connect: configure [tokens] or [anonymous], or use --dev to try things";

#[tokio::test]
async fn the_server_does_not_start_where_others_can_reach_it_and_nothing_says_who_may_connect() {
    for (listen, shown) in [
        ("0.0.0.0:3000", "0.0.0.0:3000"),
        (":3000", ":3000"),
        ("[::]:0", "[::]:0"),
        ("192.0.2.1:80", "192.0.2.1:80"),
    ] {
        let output = run(&["--listen", listen, "--log", "info"]).await;
        assert_eq!(text(&output.stderr), format!("error: {shown} {OPEN}\n"));
        assert_eq!(text(&output.stdout), "");
        assert_eq!(output.status.code(), Some(1));
        let output = run(&["config", "check", "--listen", listen]).await;
        assert_eq!(text(&output.stderr), format!("error: {shown} {OPEN}\n"));
        assert_eq!(text(&output.stdout), "");
        assert_eq!(output.status.code(), Some(2));
    }
}

#[tokio::test]
async fn it_starts_there_once_something_says_who_may_connect() {
    // Even that nobody without a token may do anything.
    let file = ConfigFile::new("[anonymous]\n");
    let all = ["--listen", "0.0.0.0:0"];
    let configured = [&all[..], &["--config", file.path()]].concat();
    let edge = Binary::start_as_given(&configured, &[]).await;
    assert!(edge.address.ip().is_unspecified());
    let edge = Binary::start_as_given(&[&all[..], &["--dev"]].concat(), &[]).await;
    assert!(edge.address.ip().is_unspecified());
    for loopback in ["127.0.0.1:0", "[::1]:1", "localhost:0", "3000"] {
        expect_ok(&["--listen", loopback], &[]).await;
    }
}

#[tokio::test]
async fn a_start_for_development_says_so_in_the_greeting_and_in_the_log() {
    let arguments = ["--listen", "0.0.0.0:0", "--dev", "--log", "warn"];
    let mut edge = Binary::start_as_given(&arguments, &[]).await;
    let greeting = edge.log_line("WARNING: --dev").await;
    assert!(greeting.contains("anybody"), "{greeting}");
    let logged = edge.log_line("WARN wavecast").await;
    assert!(logged.contains("--dev"), "{logged}");
}

#[tokio::test]
async fn rights_are_checked_with_rules_and_counted() {
    let file = ConfigFile::new(
        "[[channels]]\npattern = \"inbox:{user}\"\nsubscribe = \"users\"\npublish = \"nobody\"\n\
         history_for = \"granted\"\npresence_for = \"everyone\"\n\
         [[rooms]]\npattern = \"lobby:*\"\njoin = \"users\"\nsay = \"granted\"\n\
         history_for = \"nobody\"\npresence_for = \"users\"\n\
         [anonymous]\nchannels = { news = [\"subscribe\"], \"ticker:*\" = [\"*\"] }\n\
         rooms = [\"lobby:*\"]\n",
    );
    let output = run(&["config", "check", file.path(), "--listen", ":3000"]).await;
    assert_eq!(text(&output.stderr), "");
    let expected = format!("ok: {}: 1 setting, 2 rules, [anonymous]\n", file.path());
    assert_eq!(text(&output.stdout), expected);
    let file = ConfigFile::new("[anonymous.channels]\n\"a\" = []\n");
    let output = run(&["config", "check", file.path()]).await;
    let expected = format!("ok: {}: 0 settings, 0 rules, [anonymous]\n", file.path());
    assert_eq!(text(&output.stdout), expected);
}

#[tokio::test]
async fn what_is_wrong_with_rights_is_said_with_its_line() {
    let file = ConfigFile::new(
        "[[channels]]\npattern = \"a\"\nsubscribe = \"user\"\njoin = \"users\"\nhistory = \"users\"\n\
         [[rooms]]\npattern = \"b\"\njion = \"users\"\npresence_for = true\nhistory_fro = \"nobody\"\n\
         [anonymous]\nchanels = {}\nrooms = { \"c\" = [\"subscribe\"], \"d\" = \"join\", \"x{user}\" = [] }\n\
         [anonymous.channels]\n\"e\" = [\"subscrib\", \"history\"]\n\"f\" = [5]\nnews.sports = [\"subscribe\"]\n",
    );
    let path = file.path();
    let problems = [
        "3: `channels.subscribe`: \"user\" is not one of everyone, users, granted, nobody; did you mean `users`?",
        "4: unknown key `channels.join`; the keys here are pattern, history, overflow, presence, subscribe, publish, history_for, presence_for",
        "5: `channels.history`: \"users\" says who may read it; that is `history_for`",
        "8: unknown key `rooms.jion`; did you mean `join`?",
        "9: `rooms.presence_for`: true is not one of everyone, users, granted, nobody",
        "10: unknown key `rooms.history_fro`; did you mean `history_for`?",
        "12: unknown key `anonymous.chanels`; did you mean `channels`?",
        "13: `anonymous.rooms.\"c\"`: \"subscribe\" is not an action; the actions on rooms are join, say, history, presence, *",
        "13: `anonymous.rooms.\"d\"`: \"join\" is not a list of actions",
        "13: `anonymous.rooms`: \"x{user}\" has `{user}` beside other text; it must be a whole segment between `:` or the ends",
        "15: `anonymous.channels.\"e\"`: \"subscrib\" is not an action; did you mean `subscribe`?",
        "16: `anonymous.channels.\"f\"`: 5 is not an action",
        "17: `anonymous.channels.\"news\"`: a table is not a list of actions",
    ]
    .map(|problem| format!("{path}:{problem}"));
    let output = run(&["--config", path]).await;
    expect_problems(&output, &problems.each_ref().map(String::as_str));

    let file = ConfigFile::new("anonymous = true\nanonymos = {}\n");
    let path = file.path();
    let problems = [
        "1: `anonymous` is a section, not a setting",
        "2: unknown key `anonymos`; did you mean `anonymous`?",
    ]
    .map(|problem| format!("{path}:{problem}"));
    let output = run(&["--config", path]).await;
    expect_problems(&output, &problems.each_ref().map(String::as_str));

    let file = ConfigFile::new("[anonymous]\nchannels = \"news\"\nrooms = [\"a\", 5, \"\"]\n");
    let path = file.path();
    let problems = [
        "2: `anonymous.channels`: \"news\" is not a set of rights; write { \"news\" = [\"subscribe\"] }, or a list of patterns",
        "3: `anonymous.rooms`: 5 is not a pattern of names",
        "3: `anonymous.rooms`: \"\" must not be empty",
    ]
    .map(|problem| format!("{path}:{problem}"));
    let output = run(&["--config", path]).await;
    expect_problems(&output, &problems.each_ref().map(String::as_str));
}
