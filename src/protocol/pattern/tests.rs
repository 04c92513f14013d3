use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[test]
fn wildcards_match_across_segments() {
    for (text, name) in [
        ("*", "a"),
        ("*", "a:b"),
        ("a:*", "a:"),
        ("a:*", "a:b:c"),
        ("*:c", "a:b:c"),
        ("a*c*e", "abcde"),
        ("a**b", "ab"),
        ("a?c", "a:c"),
        ("gr??e", "größe"),
        ("?", "🙂"),
        ("*ab", "aab"),
        ("größe*", "größe"),
        ("{usr}", "{usr}"),
        ("a.b", "a.b"),
    ] {
        assert!(pattern(text).matches(name, None), "{text} {name}");
        assert!(pattern(text).matches_any_user(name), "{text} {name}");
    }
    for (text, name) in [
        ("a", "ab"),
        ("ab", "a"),
        ("A", "a"),
        ("?", ""),
        ("?", "ab"),
        ("a:*", "a"),
        ("a*b", "abc"),
        ("a.b", "axb"),
        ("a*c*e", "abcd"),
    ] {
        assert!(!pattern(text).matches(name, Some("ada")), "{text} {name}");
        assert!(!pattern(text).matches_any_user(name), "{text} {name}");
    }
}

#[test]
fn a_user_stands_for_the_own_id_as_it_is() {
    let inbox = pattern("inbox:{user}");
    assert!(inbox.has_user() && !pattern("inbox:*").has_user());
    assert!(inbox.matches("inbox:ada", Some("ada")));
    for (name, user) in [
        ("inbox:ada", "bob"),
        ("inbox:ada", "*"),
        ("inbox:ada", "a*"),
        ("inbox:ada", "???"),
        ("inbox:ada", "ad"),
        ("inbox:ada", "adam"),
        ("inbox:ada", "Ada"),
        ("inbox:ada:x", "ada"),
        ("inbox:{user}", "ada"),
        ("inbox:", ""),
    ] {
        assert!(!inbox.matches(name, Some(user)), "{name} {user}");
    }
    assert!(inbox.matches("inbox:*", Some("*")));
    assert!(inbox.matches("inbox:{user}", Some("{user}")));
    assert!(!inbox.matches("inbox:ada", None));
    let twice = pattern("{user}:to:{user}");
    assert!(twice.matches("ada:to:ada", Some("ada")));
    assert!(!twice.matches("ada:to:bob", Some("ada")));
}

#[test]
fn an_id_with_a_colon_matches_no_pattern_with_a_wildcard() {
    assert!(pattern("docs:{user}:*").matches("docs:x:y:1", Some("x")));
    assert!(!pattern("docs:{user}:*").matches("docs:x:y:1", Some("x:y")));
    assert!(!pattern("docs:{user}:?").matches("docs:x:y:1", Some("x:y")));
    assert!(!pattern("*:{user}").matches("docs:x:y", Some("x:y")));
    assert!(pattern("docs:{user}:1").matches("docs:x:y:1", Some("x:y")));
    assert!(pattern("docs:*").matches("docs:x:y:1", Some("x:y")));
}

#[test]
fn any_user_is_one_segment() {
    let inbox = pattern("inbox:{user}");
    assert!(inbox.matches_any_user("inbox:ada"));
    assert!(inbox.matches_any_user("inbox:*"));
    for name in ["inbox:", "inbox", "inbox:a:b", "inbox:a:", "outbox:a"] {
        assert!(!inbox.matches_any_user(name), "{name}");
    }
    let docs = pattern("docs:{user}:*");
    assert!(docs.matches_any_user("docs:ada:"));
    assert!(docs.matches_any_user("docs:ada:x:y"));
    assert!(!docs.matches_any_user("docs::x"));
    assert!(!docs.matches_any_user("docs:ada"));
    assert!(pattern("*:{user}").matches_any_user("a:b:c"));
    assert!(pattern("*:{user}:z").matches_any_user("a:b:z:c:z"));
    assert!(!pattern("*:{user}").matches_any_user("a:b:"));
}

#[test]
fn text_that_is_not_a_pattern_is_refused() {
    assert_eq!(Pattern::parse(""), Err(PatternError::Empty));
    assert_eq!(Pattern::parse(&"*".repeat(201)), Err(PatternError::TooLong));
    assert_eq!(Pattern::parse("a\nb"), Err(PatternError::ControlCharacter));
    for text in [
        "{user}x",
        "x{user}",
        "{user}*",
        "inbox-{user}",
        "{user}{user}",
        "a:?{user}:b",
    ] {
        assert_eq!(
            Pattern::parse(text),
            Err(PatternError::UserInSegment),
            "{text}"
        );
    }
    for text in ["{user}", "{user}:a", "a:{user}", "*:{user}:*", "{User}"] {
        assert_eq!(pattern(text).as_str(), text);
    }
    let message = PatternError::UserInSegment.to_string();
    assert!(message.contains("`{user}`"), "{message}");
}

#[test]
fn the_worst_pattern_takes_no_more_than_its_length_times_that_of_the_name() {
    let name = "a".repeat(200);
    let worst = [
        "*".repeat(200),
        "*a".repeat(100),
        "*a?".repeat(66),
        "a*".repeat(100),
    ];
    for text in worst {
        assert!(pattern(&text).matches(&name, None), "{text}");
        let never: String = text.chars().take(199).chain(['b']).collect();
        assert!(!pattern(&never).matches(&name, None), "{never}");
    }
    let users = format!("*{}b", ":{user}".repeat(28));
    assert!(Pattern::parse(&users).is_err());
    let users = format!("*{}:b", ":{user}".repeat(28));
    assert!(!pattern(&users).matches_any_user(&":a".repeat(100)));
}

/// What a pattern is made of.
#[derive(Debug, Clone)]
enum Token {
    Literal(char),
    One,
    Run,
    User,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (index, segment) in text.split(':').enumerate() {
        if index > 0 {
            tokens.push(Token::Literal(':'));
        }
        if segment == "{user}" {
            tokens.push(Token::User);
            continue;
        }
        tokens.extend(segment.chars().map(|c| match c {
            '*' => Token::Run,
            '?' => Token::One,
            literal => Token::Literal(literal),
        }));
    }
    tokens
}

/// Tries every way to share out the name.
fn naive(tokens: &[Token], name: &[char], user: Option<&[char]>) -> bool {
    let Some((first, rest)) = tokens.split_first() else {
        return name.is_empty();
    };
    let after = |taken: usize| naive(rest, &name[taken..], user);
    match first {
        Token::Literal(literal) => name.first() == Some(literal) && after(1),
        Token::One => !name.is_empty() && after(1),
        Token::Run => (0..=name.len()).any(after),
        Token::User => match user {
            Some(id) => name.starts_with(id) && after(id.len()),
            None => (1..=name.len())
                .take_while(|&taken| name[taken - 1] != ':')
                .any(after),
        },
    }
}

fn text_of(parts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(parts), 0..9).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_agrees_with_a_matcher_that_tries_everything(
        text in text_of(&["*", "?", "a", "b", "ö", ":", ":{user}", "{user}:", "{user}"]),
        name in text_of(&["a", "b", "ö", ":", "*", "{user}", "aa", ":b"]),
        user in prop::sample::select(vec!["a", "b", "ö", "aa", "*", "{user}"]),
    ) {
        let Ok(pattern) = Pattern::parse(&text) else {
            return Ok(());
        };
        let tokens = tokens(&text);
        let chars = |text: &str| text.chars().collect::<Vec<char>>();
        let expected = naive(&tokens, &chars(&name), None);
        prop_assert_eq!(pattern.matches_any_user(&name), expected);
        let expected = naive(&tokens, &chars(&name), Some(&chars(user)));
        prop_assert_eq!(pattern.matches(&name, Some(user)), expected);
    }
}
