use super::*;

const CHANNEL: TopicKind = TopicKind::Channel;
const ROOM: TopicKind = TopicKind::Room;

use Action::{History, Join, Presence, Publish, Say, Subscribe};
use Audience::{Everyone, Granted, Nobody, Users};

type Said<'a> = (TopicKind, &'a str, &'a [(Action, Audience)]);

fn rules(said: &[Said<'_>]) -> AccessRules {
    let mut rules = AccessRules::default();
    for &(kind, pattern, audiences) in said {
        let rule = AccessRule::new(kind, Pattern::parse(pattern).unwrap());
        let rule = audiences.iter().fold(rule, |rule, &(action, audience)| {
            rule.with(action, audience)
        });
        rules.push(rule);
    }
    rules
}

/// A question about a channel, or about a room if the action is one of rooms.
fn ask<'a>(name: &'a str, action: Action, user: Option<&'a str>) -> Asked<'a> {
    Asked {
        kind: match action {
            Join | Say => ROOM,
            _ => CHANNEL,
        },
        name,
        action,
        user,
        grants: None,
        granted: None,
        open: false,
    }
}

fn everything() -> Grants {
    Grants::from_claims(Some(r#"{"*":["*"]}"#), Some(r#"{"*":["*"]}"#)).unwrap()
}

#[test]
fn each_audience_lets_in_exactly_its_own() {
    let grants = everything();
    for (audience, anonymous, user, granted) in [
        (Everyone, true, true, true),
        (Users, false, true, false),
        (Granted, false, false, true),
        (Nobody, false, false, false),
    ] {
        let rules = rules(&[(CHANNEL, "c", &[(Subscribe, audience)])]);
        let asked = ask("c", Subscribe, None);
        assert_eq!(rules.allows(asked), anonymous, "{audience:?}");
        let by_user = ask("c", Subscribe, Some("ada"));
        assert_eq!(rules.allows(by_user), user, "{audience:?}");
        let with_grants = Asked {
            granted: None,
            grants: Some(&grants),
            ..asked
        };
        assert_eq!(rules.allows(with_grants), granted, "{audience:?}");
    }
    for word in Audience::WORDS {
        let audience = Audience::named(word).expect("an audience");
        assert_eq!(format!("{audience:?}").to_lowercase(), *word);
    }
    assert_eq!(Audience::named("Everyone"), None);
}

#[test]
fn nobody_is_stronger_than_every_token() {
    let grants = everything();
    let rules = rules(&[
        (CHANNEL, "audit:*", &[(Subscribe, Nobody)]),
        (ROOM, "audit:*", &[(Join, Nobody)]),
        (CHANNEL, "*", &[(Subscribe, Everyone), (Publish, Everyone)]),
    ]);
    for action in [Subscribe, History, Presence, Join, Say] {
        let asked = Asked {
            granted: None,
            grants: Some(&grants),
            ..ask("audit:1", action, Some("ada"))
        };
        assert!(!rules.allows(asked), "{action:?}");
        let open = Asked {
            open: true,
            granted: None,
            grants: None,
            ..asked
        };
        assert!(!rules.allows(open), "{action:?}");
    }
    // Publishing was not mentioned, so the token decides.
    let publish = Asked {
        grants: Some(&grants),
        ..ask("audit:1", Publish, Some("ada"))
    };
    assert!(rules.allows(publish));
}

#[test]
fn another_users_topic_does_not_fall_to_a_later_rule() {
    let grants = everything();
    for audience in [Users, Granted] {
        let rules = rules(&[
            (CHANNEL, "inbox:{user}", &[(Subscribe, audience)]),
            (CHANNEL, "*", &[(Subscribe, Everyone)]),
        ]);
        let allows = |name, user| {
            rules.allows(Asked {
                granted: None,
                grants: Some(&grants),
                ..ask(name, Subscribe, user)
            })
        };
        assert!(allows("inbox:ada", Some("ada")), "{audience:?}");
        assert!(!allows("inbox:ada", Some("bob")), "{audience:?}");
        assert!(!allows("inbox:ada", None), "{audience:?}");
        assert!(!allows("inbox:ada", Some("*")), "{audience:?}");
        assert!(!allows("inbox:ada", Some("a*")), "{audience:?}");
        assert!(allows("outbox:ada", Some("bob")), "{audience:?}");
    }
}

#[test]
fn a_rule_that_is_silent_about_the_action_asks_for_the_own_id_and_a_grant() {
    let grants = everything();
    let rules = rules(&[
        (CHANNEL, "inbox:{user}", &[]),
        (CHANNEL, "*", &[(Subscribe, Everyone), (Publish, Everyone)]),
    ]);
    for action in [Subscribe, History, Presence, Publish] {
        let own = ask("inbox:ada", action, Some("ada"));
        assert!(!rules.allows(own), "{action:?}");
        let granted = Asked {
            granted: None,
            grants: Some(&grants),
            ..own
        };
        assert!(rules.allows(granted), "{action:?}");
        let others = Asked {
            user: Some("bob"),
            ..granted
        };
        assert!(!rules.allows(others), "{action:?}");
    }
}

#[test]
fn everyone_may_even_where_the_pattern_has_a_user() {
    let rules = rules(&[(CHANNEL, "status:{user}", &[(Subscribe, Everyone)])]);
    assert!(rules.allows(ask("status:ada", Subscribe, Some("bob"))));
    assert!(rules.allows(ask("status:ada", Subscribe, None)));
}

#[test]
fn an_id_with_a_colon_reaches_nothing_through_a_wildcard() {
    let rules = rules(&[(CHANNEL, "docs:{user}:*", &[(Subscribe, Users)])]);
    assert!(rules.allows(ask("docs:x:y:1", Subscribe, Some("x"))));
    assert!(!rules.allows(ask("docs:x:y:1", Subscribe, Some("x:y"))));
}

#[test]
fn what_a_rule_does_not_say_follows_the_membership() {
    let rules = rules(&[
        (CHANNEL, "a", &[(Subscribe, Everyone)]),
        (CHANNEL, "b", &[(Subscribe, Everyone), (History, Nobody)]),
        (CHANNEL, "c", &[(Presence, Everyone)]),
        (ROOM, "a", &[(Join, Everyone)]),
        (ROOM, "b", &[(Join, Everyone), (Say, Nobody)]),
    ]);
    let expected = [
        (CHANNEL, "a", vec![Subscribe, History, Presence]),
        (CHANNEL, "b", vec![Subscribe, Presence]),
        (CHANNEL, "c", vec![Presence]),
        (ROOM, "a", vec![Join, Say, History, Presence]),
        (ROOM, "b", vec![Join, History, Presence]),
    ];
    for (kind, name, allowed) in expected {
        for &action in Action::of(kind) {
            let asked = Asked {
                kind,
                ..ask(name, action, None)
            };
            let is_allowed = allowed.contains(&action);
            assert_eq!(
                rules.allows(asked),
                is_allowed,
                "{kind:?} {name} {action:?}"
            );
        }
    }
}

#[test]
fn the_first_matching_rule_of_the_kind_decides() {
    let rules = rules(&[
        (ROOM, "*", &[(Join, Everyone)]),
        (CHANNEL, "news:secret", &[(Subscribe, Nobody)]),
        (CHANNEL, "news:*", &[(Subscribe, Everyone)]),
        (CHANNEL, "news:late", &[(Subscribe, Nobody)]),
    ]);
    assert!(!rules.allows(ask("news:secret", Subscribe, Some("ada"))));
    assert!(rules.allows(ask("news:1", Subscribe, None)));
    assert!(rules.allows(ask("news:late", Subscribe, None)));
    assert!(!rules.allows(ask("other", Subscribe, None)));
}

#[test]
fn without_a_rule_what_is_granted_decides() {
    let rules = AccessRules::default();
    let grants = Grants::from_claims(Some(r#"{"news":["subscribe"]}"#), None).unwrap();
    let allows = |name, action, grants, open| {
        rules.allows(Asked {
            grants,
            open,
            ..ask(name, action, None)
        })
    };
    assert!(allows("news", Subscribe, Some(&grants), false));
    assert!(!allows("news", History, Some(&grants), false));
    assert!(!allows("other", Subscribe, Some(&grants), false));
    assert!(!allows("news", Subscribe, None, false));
    for action in [Subscribe, History, Presence, Join, Say] {
        assert!(allows("any", action, None, true), "{action:?}");
    }
    assert!(!allows("any", Publish, None, true));
}

#[test]
fn on_an_open_edge_a_rule_may_let_clients_publish() {
    let rules = rules(&[
        (CHANNEL, "wall", &[(Publish, Everyone)]),
        (CHANNEL, "granted", &[(Publish, Granted)]),
    ]);
    let publish = |name| {
        rules.allows(Asked {
            open: true,
            ..ask(name, Publish, None)
        })
    };
    assert!(publish("wall"));
    assert!(!publish("granted"));
}
