use super::*;

fn parse(text: &str) -> Vec<Result<Command, RefusedCommand>> {
    let mut out = Vec::new();
    parse_commands(text.as_bytes(), |command| out.push(command));
    out
}

fn code(text: &str) -> ErrorCode {
    parse(text).remove(0).unwrap_err().refusal.code
}

#[test]
fn every_command_parses_from_its_documented_text() {
    let text = r#"[{"type":"join","room":"general"},{"type":"leave","room":"general"},
        {"type":"message","room":"general","content":{"a":[1]}},
        {"type":"subscribe","channel":"n"},{"type":"unsubscribe","channel":"n","id":7},
        {"id":"x","type":"ping"}]"#;
    let commands: Vec<Command> = parse(text).into_iter().map(Result::unwrap).collect();
    assert_eq!(commands.len(), 6);
    assert!(
        matches!(&commands[2].message, ClientMessage::Message { content, .. } if content.as_str() == r#"{"a":[1]}"#)
    );
    assert_eq!(commands[4].id.as_ref().map(Json::as_str), Some("7"));
    assert_eq!(commands[5].id.as_ref().map(Json::as_str), Some("\"x\""));
}

#[test]
fn each_mistake_has_its_error_code() {
    assert_eq!(code("{"), ErrorCode::InvalidJson);
    assert_eq!(code(""), ErrorCode::InvalidJson);
    assert_eq!(code("7"), ErrorCode::InvalidCommand);
    assert_eq!(code("[7]"), ErrorCode::InvalidCommand);
    assert_eq!(code("{}"), ErrorCode::MissingField);
    assert_eq!(code(r#"{"type":5}"#), ErrorCode::MissingField);
    assert_eq!(code(r#"{"type":"shout"}"#), ErrorCode::UnknownType);
    assert_eq!(code(r#"{"type":"join"}"#), ErrorCode::MissingField);
    assert_eq!(code(r#"{"type":"join","room":""}"#), ErrorCode::InvalidRoom);
    assert_eq!(
        code(r#"{"type":"message","room":"a"}"#),
        ErrorCode::MissingField
    );
    assert_eq!(
        code(r#"{"type":"subscribe","channel":"$x"}"#),
        ErrorCode::Forbidden
    );
    assert_eq!(
        code(r#"{"type":"subscribe","channel":""}"#),
        ErrorCode::InvalidChannel
    );
    assert_eq!(code(r#"{"type":"ping","id":{}}"#), ErrorCode::InvalidId);
    for wrong in [
        r#""since":5"#,
        r#""since":{"offset":-1,"epoch":"e"}"#,
        r#""since":{"offset":1,"epoch":""}"#,
        r#""since":{"offset":1}"#,
        r#""last":-1"#,
        r#""positions":1"#,
    ] {
        let text = format!(r#"{{"type":"subscribe","channel":"a",{wrong}}}"#);
        assert_eq!(code(&text), ErrorCode::InvalidPosition, "{text}");
    }
    for wrong in [
        r#""limit":0"#,
        r#""limit":1001"#,
        r#""before":1,"after":1"#,
        r#""after":"x""#,
    ] {
        let text = format!(r#"{{"type":"history","channel":"a",{wrong}}}"#);
        assert_eq!(code(&text), ErrorCode::InvalidPosition, "{text}");
    }
}

#[test]
fn content_is_kept_as_it_was_sent() {
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for content in [
        "36893488147419103232",
        r#"{ "b" : 1e5,"a":-0, "a" : "\u0041\ud83d" }"#,
        r#"{"content":{"content":1},"x":"\"content\":2"}"#,
        "null",
        &deep,
    ] {
        let text =
            format!(r#"[{{"type":"message","room":"a","content": {content} }},{{"type":"ping"}}]"#);
        let commands: Vec<Command> = parse(&text).into_iter().map(Result::unwrap).collect();
        let ClientMessage::Message { content: kept, .. } = &commands[0].message else {
            panic!("{text}");
        };
        assert_eq!(kept.as_str(), content);
        assert_eq!(commands[1].message, ClientMessage::Ping);
    }
    assert_eq!(
        code(r#"{"type":"message","room":"a","content":01}"#),
        ErrorCode::InvalidJson
    );
    assert_eq!(
        code(r#"{"type":"message","room":"a","content":1 2}"#),
        ErrorCode::InvalidJson
    );
    let not_utf8 = b"{\"type\":\"message\",\"room\":\"a\",\"content\":\"\xff\"}";
    parse_commands(not_utf8, |command| {
        assert_eq!(command.unwrap_err().refusal.code, ErrorCode::InvalidJson);
    });
}

#[test]
fn null_is_the_same_as_absent() {
    for (with, without) in [
        (r#"{"type":"ping","id":null}"#, r#"{"type":"ping"}"#),
        (
            r#"{"type":"join","room":"a","positions":null,"since":null,"last":null}"#,
            r#"{"type":"join","room":"a"}"#,
        ),
        (
            r#"{"type":"history","room":null,"channel":"a","before":null,"after":null,"limit":null}"#,
            r#"{"type":"history","channel":"a"}"#,
        ),
    ] {
        assert!(parse(with)[0].is_ok(), "{with}");
        assert_eq!(parse(with), parse(without));
    }
    assert_eq!(
        code(r#"{"type":"join","room":null}"#),
        ErrorCode::MissingField
    );
}

#[test]
fn a_repeated_field_is_refused_and_an_unknown_one_ignored() {
    for text in [
        r#"{"type":"ping","type":"ping"}"#,
        r#"{"type":"join","room":"a","ro\u006fm":"a"}"#,
        r#"{"type":"message","room":"a","content":1,"content":1}"#,
        r#"{"type":"ping","id":1,"id":null}"#,
        r#"{"type":"ping","a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"a":1}"#,
    ] {
        assert_eq!(code(text), ErrorCode::InvalidCommand, "{text}");
    }
    let since = r#"{"type":"join","room":"a","since":{"offset":1,"offset":2,"epoch":"e"}}"#;
    assert_eq!(code(since), ErrorCode::InvalidPosition);
    let unknown = r#"{"type":"ping","a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":{"a":1}}"#;
    assert!(parse(unknown)[0].is_ok());
}

#[test]
fn an_invalid_command_does_not_affect_the_others_in_its_frame() {
    let parsed = parse(r#"[{"type":"ping"},{"type":"no","id":3},{"type":"ping"}]"#);
    assert!(parsed[0].is_ok() && parsed[2].is_ok());
    assert_eq!(
        parsed[1]
            .as_ref()
            .unwrap_err()
            .id
            .as_ref()
            .map(Json::as_str),
        Some("3")
    );
}

#[test]
fn the_number_of_commands_per_frame_is_limited() {
    let batch = |n: usize| format!("[{}]", vec![r#"{"type":"ping"}"#; n].join(","));
    assert_eq!(parse(&batch(1000)).len(), 1000);
    assert_eq!(code(&batch(1001)), ErrorCode::InvalidCommand);
    assert!(parse("[]").is_empty());
}
