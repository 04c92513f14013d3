use super::*;

fn parse_one(text: &str) -> Result<PublishRequest, Refusal> {
    parse_publish_request(text.as_bytes())
}

fn code(text: &str) -> ErrorCode {
    parse_one(text).unwrap_err().code
}

#[test]
fn every_kind_of_target_parses() {
    let one = parse_one(r#"{"channel":"a","data":{},"id":"x","event":"order.created"}"#).unwrap();
    assert_eq!(one.id.unwrap().as_str(), "x");
    assert_eq!(
        one.name.as_ref().map(EventName::as_str),
        Some("order.created")
    );
    let many = parse_one(r#"{"channels":["a","b","a"],"data":1}"#).unwrap();
    assert!(matches!(many.target, Target::Channels(names) if names.len() == 2));
    let user = parse_one(r#"{"user":"u","data":1}"#).unwrap();
    assert!(matches!(user.target, Target::User(_)));
    let everyone = parse_one(r#"{"broadcast":true,"data":null}"#).unwrap();
    assert_eq!(everyone.target, Target::Everyone);
}

#[test]
fn each_mistake_has_its_error_code() {
    assert_eq!(code("nope"), ErrorCode::InvalidJson);
    assert_eq!(code("[]"), ErrorCode::InvalidCommand);
    assert_eq!(code(r#"{"channel":"a"}"#), ErrorCode::MissingField);
    assert_eq!(code(r#"{"data":1}"#), ErrorCode::MissingField);
    assert_eq!(
        code(r#"{"channel":"a","user":"u","data":1}"#),
        ErrorCode::InvalidCommand
    );
    assert_eq!(
        code(r#"{"channel":"","data":1}"#),
        ErrorCode::InvalidChannel
    );
    assert_eq!(
        code(r#"{"channel":"$system","data":1}"#),
        ErrorCode::Forbidden
    );
    assert_eq!(
        code(r#"{"channels":[],"data":1}"#),
        ErrorCode::InvalidChannel
    );
    assert_eq!(
        code(r#"{"broadcast":false,"data":1}"#),
        ErrorCode::InvalidCommand
    );
    assert_eq!(
        code(r#"{"channel":"a","data":1,"id":""}"#),
        ErrorCode::InvalidEvent
    );
    assert_eq!(
        code(r#"{"channel":"a","data":1,"id":5}"#),
        ErrorCode::InvalidEvent
    );
    assert_eq!(code(r#"{"user":"","data":1}"#), ErrorCode::InvalidUser);
}

#[test]
fn a_refusal_says_which_field_is_wrong_and_how() {
    for (text, detail) in [
        (
            r#"{"data":1}"#,
            "one of `channel`, `channels`, `user` and `broadcast` is required",
        ),
        (
            r#"{"user":"u","data":1,"channel":"a"}"#,
            "`channel` and `user` exclude each other",
        ),
        (
            r#"{"broadcast":true,"channels":["a"],"data":1}"#,
            "`channels` and `broadcast` exclude each other",
        ),
        (
            r#"{"channel":"a","data":1,"id":""}"#,
            "`id`: must not be empty",
        ),
        (
            r#"{"channel":"a","data":1,"event":""}"#,
            "`event`: must not be empty",
        ),
        (
            r#"{"user":"a\u0007","data":1}"#,
            "`user`: must not contain control characters",
        ),
    ] {
        assert_eq!(parse_one(text).unwrap_err().to_string(), detail);
    }
}

#[test]
fn data_is_kept_as_it_was_sent() {
    for data in [
        "36893488147419103232",
        "-0",
        r#"{ "b" : 1e5,"a":-0.10, "a" : "\u0041\/\ud83d" }"#,
        r#"{"data":{"data":1},"channel":7,"x":"\"data\":2"}"#,
        "[\r\n\t1]",
        "null",
    ] {
        for text in [
            format!(r#"{{"channel":"a","data":{data}}}"#),
            format!("{{ \"d\\u0061ta\"\n: {data} ,\"channel\":\"a\" }}"),
        ] {
            assert_eq!(parse_one(&text).unwrap().data.as_str(), data, "{text}");
        }
    }
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let text = format!(r#"{{"events":[{{"channel":"a","data":{deep}}},{{"data":1,"user":"u"}}]}}"#);
    let requests = parse_publish_batch(text.as_bytes()).unwrap();
    assert_eq!(requests[0].data.as_str(), deep);
    assert_eq!(requests[1].data.as_str(), "1");
}

#[test]
fn null_is_the_same_as_absent() {
    let text = r#"{"channel":"a","channels":null,"user":null,"broadcast":null,"id":null,"event":null,"data":null}"#;
    let request = parse_one(text).unwrap();
    assert!(request.id.is_none() && request.name.is_none());
    assert_eq!(request.data.as_str(), "null");
    assert_eq!(
        code(r#"{"channel":null,"data":1}"#),
        ErrorCode::MissingField
    );
}

#[test]
fn an_unknown_field_is_refused_with_the_nearest_name() {
    let refusal = |text: &str| parse_one(text).unwrap_err();
    let misspelt = refusal(r#"{"channel":"a","evnet":"x","data":1}"#);
    assert_eq!(misspelt.code, ErrorCode::UnknownField);
    assert_eq!(
        misspelt.detail(),
        "unknown field `evnet`; did you mean `event`?"
    );
    let long = refusal(&format!(
        r#"{{"{}":1,"channel":"a","data":1}}"#,
        "ü".repeat(100_000)
    ));
    assert_eq!(
        long.detail(),
        format!("unknown field `{}…`", "ü".repeat(NAME_CHARS))
    );
    let batch = parse_publish_batch(br#"{"event":[]}"#).unwrap_err();
    assert_eq!(
        batch.detail(),
        "unknown field `event`; did you mean `events`?"
    );
}

#[test]
fn an_event_or_a_list_in_place_of_a_batch_is_told_the_right_shape() {
    for (text, code) in [
        ("[]", ErrorCode::MissingField),
        (r#"[{"channel":"a","data":1}]"#, ErrorCode::MissingField),
        (r#"{"channel":"a","data":1}"#, ErrorCode::UnknownField),
        (r#"{"broadcast":true}"#, ErrorCode::UnknownField),
    ] {
        let refusal = parse_publish_batch(text.as_bytes()).unwrap_err();
        assert_eq!(refusal.code, code, "{text}");
        assert_eq!(refusal.detail(), r#"send an object: {"events":[…]}"#);
    }
    let missing = parse_publish_batch(b"{}").unwrap_err();
    assert_eq!(missing.detail(), "`events` must be an array");
}

#[test]
fn an_empty_body_is_called_empty() {
    for refusal in [
        parse_publish_request(b"").unwrap_err(),
        parse_publish_batch(b"").unwrap_err(),
    ] {
        assert_eq!(refusal.code, ErrorCode::InvalidJson);
        assert_eq!(refusal.detail(), "the body is empty");
    }
}

#[test]
fn a_repeated_field_is_refused() {
    for text in [
        r#"{"channel":"a","data":1,"data":1}"#,
        r#"{"channel":"a","data":1,"d\u0061ta":1}"#,
        r#"{"channel":"a","chann\u0065l":"b","data":1}"#,
        r#"{"channel":"a","id":null,"id":"x","data":1}"#,
    ] {
        let refusal = parse_one(text).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidCommand, "{text}");
        assert!(refusal.detail().ends_with("` is repeated"), "{refusal}");
    }
    let batch = parse_publish_batch(br#"{"events":[],"events":[]}"#).unwrap_err();
    assert_eq!(batch.code, ErrorCode::InvalidCommand);
}

#[test]
fn what_is_not_json_is_refused_wherever_it_is() {
    for text in [
        r#"{"channel":"a","data":01}"#,
        r#"{"channel":"a","data":0 1}"#,
        r#"{"channel":"a","data":}"#,
        r#"{"channel":"a","data":{]}"#,
        r#"{"channel":"a","data":1"#,
        r#"{"channel":"a","data":1}}"#,
        r#"{"channel":"a" "data":1}"#,
        r#"{"channel":"a","data":1,}"#,
        "{\"channel\":\"a\",\"data\":\"\n\"}",
        r#"{"channel":"a","data":"\"#,
    ] {
        assert_eq!(code(text), ErrorCode::InvalidJson, "{text}");
    }
    let not_utf8 = b"{\"channel\":\"a\",\"data\":\"\xff\"}";
    assert_eq!(
        parse_publish_request(not_utf8).unwrap_err().code,
        ErrorCode::InvalidJson
    );
}

#[test]
fn the_error_of_a_batch_has_the_index_of_the_invalid_event() {
    let text = r#"{"events":[{"channel":"a","data":1},{"channel":"","data":1}]}"#;
    let error = parse_publish_batch(text.as_bytes()).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidChannel);
    assert!(error.detail().starts_with("events[1]: "), "{error}");
}
