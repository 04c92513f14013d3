use std::sync::Arc;

use super::*;

const CHANNEL: TopicKind = TopicKind::Channel;
const ROOM: TopicKind = TopicKind::Room;

fn grants(channels: &str, rooms: &str) -> Grants {
    Grants::from_claims(Some(channels), Some(rooms)).unwrap()
}

#[test]
fn a_pattern_grants_its_actions_and_no_others() {
    let grants = grants(
        r#"{"news":["subscribe"],"chat:*":["subscribe","publish"],"chat:1":["history"]}"#,
        r#"{"team-7":["join","say"],"lobby:*":["*"]}"#,
    );
    for (kind, name, action, expected) in [
        (CHANNEL, "news", Action::Subscribe, true),
        (CHANNEL, "news", Action::History, false),
        (CHANNEL, "news", Action::Publish, false),
        (CHANNEL, "news:1", Action::Subscribe, false),
        (CHANNEL, "chat:1", Action::Publish, true),
        (CHANNEL, "chat:1", Action::History, true),
        (CHANNEL, "chat:2", Action::History, false),
        (CHANNEL, "team-7", Action::Subscribe, false),
        (ROOM, "team-7", Action::Say, true),
        (ROOM, "team-7", Action::Presence, false),
        (ROOM, "lobby:1", Action::Presence, true),
        (ROOM, "news", Action::Join, false),
    ] {
        let allowed = grants.allows(kind, name, action, Some("ada"));
        assert_eq!(allowed, expected, "{name} {action:?}");
        assert_eq!(grants.allows(kind, name, action, None), expected);
    }
    assert!(!Grants::default().allows(CHANNEL, "news", Action::Subscribe, None));
}

#[test]
fn a_list_is_short_for_hearing_and_in_rooms_for_speaking() {
    let grants = grants(r#"["news","a:*","news"]"#, r#"["team"]"#);
    let allows = |kind, name, action| grants.allows(kind, name, action, None);
    assert!(allows(CHANNEL, "news", Action::Subscribe));
    assert!(allows(CHANNEL, "a:b", Action::History));
    assert!(!allows(CHANNEL, "news", Action::Presence));
    assert!(!allows(CHANNEL, "news", Action::Publish));
    assert!(allows(ROOM, "team", Action::Join) && allows(ROOM, "team", Action::Say));
    assert!(!allows(ROOM, "team", Action::History));
    assert!(!allows(ROOM, "team", Action::Presence));
}

#[test]
fn a_user_reaches_only_what_has_the_own_id() {
    let grants = grants(
        r#"{"inbox:{user}":["subscribe"],"docs:{user}:*":["subscribe"]}"#,
        "{}",
    );
    let allows = |name, user| grants.allows(CHANNEL, name, Action::Subscribe, user);
    assert!(allows("inbox:ada", Some("ada")));
    assert!(!allows("inbox:ada", Some("bob")));
    assert!(!allows("inbox:ada", Some("*")));
    assert!(!allows("inbox:ada", None));
    assert!(!allows("inbox:{user}", Some("ada")));
    assert!(allows("docs:x:y:1", Some("x")));
    assert!(!allows("docs:x:y:1", Some("x:y")));
    assert!(allows("inbox:x:y", Some("x:y")));
}

#[test]
fn what_is_not_exactly_a_claim_is_refused() {
    for (claim, expected) in [
        ("null", "an object of patterns"),
        ("5", "an object of patterns"),
        ("\"news\"", "an object of patterns"),
        (r#"{"news":"subscribe"}"#, "expected a sequence"),
        (r#"{"news":null}"#, "expected a sequence"),
        (r#"{"news":[1]}"#, "expected a string"),
        (r#"{"news":{"subscribe":true}}"#, "expected a sequence"),
        (r#"["news",5]"#, "expected a string"),
        (
            r#"{"news":["subscribe","read"]}"#,
            "\"read\" is not an action",
        ),
        (r#"{"news":["join"]}"#, "\"join\" is not an action"),
        (
            r#"{"news":["SUBSCRIBE"]}"#,
            "\"SUBSCRIBE\" is not an action",
        ),
        (r#"{"":["subscribe"]}"#, "must not be empty"),
        (r#"{"a{user}":["subscribe"]}"#, "`{user}`"),
        (r#"["a\u0000"]"#, "control characters"),
        (
            r#"{"a":["subscribe"],"a":["publish"]}"#,
            "\"a\" is repeated",
        ),
        (r#"{"a":["subscribe"],"\u0061":[]}"#, "\"a\" is repeated"),
        (r#"{"a":[]"#, "EOF"),
        (r#"{"a":[]} x"#, "trailing"),
    ] {
        let error = Grants::from_claims(Some(claim), None).unwrap_err();
        assert!(error.starts_with("claim `channels`: "), "{error}");
        assert!(error.contains(expected), "{claim}: {error}");
    }
    let error = Grants::from_claims(None, Some(r#"{"team":["subscribe"]}"#)).unwrap_err();
    assert!(error.starts_with("claim `rooms`: \"subscribe\""), "{error}");
    assert_eq!(Grants::from_claims(None, None), Ok(Grants::default()));
}

#[test]
fn a_token_has_at_most_256_patterns() {
    let object = |count: usize, action| {
        let members: Vec<String> = (0..count)
            .map(|n| format!("\"{n}\":[{action:?}]"))
            .collect();
        format!("{{{}}}", members.join(","))
    };
    let list = |count: usize| format!("[{}]", vec!["\"a\""; count].join(","));
    let from = |channels: &str, rooms: &str| Grants::from_claims(Some(channels), Some(rooms));
    assert!(from(&object(256, "subscribe"), "{}").is_ok());
    assert!(from(&object(200, "subscribe"), &object(56, "join")).is_ok());
    assert!(from("{}", &list(256)).is_ok());
    for (channels, rooms) in [
        (object(257, "subscribe"), object(0, "join")),
        (object(200, "subscribe"), object(57, "join")),
        (list(257), list(0)),
    ] {
        let error = from(&channels, &rooms).unwrap_err();
        assert!(error.contains("more than 256 patterns"), "{error}");
    }
}

#[test]
fn equal_grants_are_shared_while_somebody_has_them() {
    let table = GrantsTable::default();
    let of = |name: &str| grants(&format!("[{name:?}]"), "[]");
    let first = table.intern(of("a"));
    assert!(Arc::ptr_eq(&first, &table.intern(of("a"))));
    assert!(!Arc::ptr_eq(&first, &table.intern(of("b"))));
    assert_eq!(Arc::strong_count(&first), 1);
    drop(first);
    let again = table.intern(of("a"));
    assert_eq!(*again, of("a"));
    assert!(Arc::ptr_eq(&again, &table.intern(of("a"))));
}

#[test]
fn grants_that_nobody_has_any_more_are_forgotten() {
    let table = GrantsTable::default();
    let of = |number: usize| grants(&format!("[\"{number}\"]"), "[]");
    let held: Vec<_> = (0..2000).map(|number| table.intern(of(number))).collect();
    assert_eq!(table.len(), 2000);
    for number in 2000..50_000 {
        drop(table.intern(of(number)));
        assert!(table.len() <= 2 * 2000 + 16 * 16, "{number}");
    }
    let shared = table.intern(of(7));
    assert!(Arc::ptr_eq(&shared, &held[7]));
}
