//! Each rule for claims.

use super::*;
use crate::auth::action::Action;

#[test]
fn a_claim_of_the_wrong_type_is_invalid_and_never_absent() {
    for claim in [
        r#""sub":7"#,
        r#""sub":null"#,
        r#""sub":"""#,
        r#""sub":"a\u0000b""#,
        r#""sub":["ada"]"#,
        r#""nbf":"9""#,
        r#""nbf":null"#,
        r#""nbf":true"#,
        r#""iat":"1767222000""#,
        r#""iat":null"#,
        r#""iat":{}"#,
        r#""iat":1e400"#,
        r#""iss":null"#,
        r#""iss":7"#,
        r#""iss":["https://app.example"]"#,
        r#""aud":7"#,
        r#""aud":null"#,
        r#""jti":7"#,
        r#""jti":null"#,
        r#""jti":"""#,
        r#""jti":"a\u001bb""#,
        r#""channels":"news""#,
        r#""channels":7"#,
        r#""rooms":null"#,
        r#""channel":7"#,
        r#""channel":null"#,
        r#""channel":"""#,
        r#""channel":"$all""#,
        r#""channel":"$user:ada""#,
        r#""channel":"a","allow":"subscribe""#,
        r#""channel":"a","allow":[7]"#,
        r#""channel":"a","allow":["fly"]"#,
        r#""channel":"a","allow":null"#,
    ] {
        let claims = format!(r#"{{"exp":1767225600,{claim}}}"#);
        assert_invalid(&claimed(&claims), claim);
    }
    for exp in [
        "\"never\"",
        "null",
        "true",
        "[]",
        "\"1767225600\"",
        "1e400",
        "1e300",
    ] {
        assert_invalid(&claimed(&format!(r#"{{"exp":{exp}}}"#)), exp);
    }
}

#[test]
fn claims_that_are_not_an_object_of_distinct_members_are_invalid() {
    for claims in [
        "",
        "[]",
        "7",
        "null",
        r#"{"exp":1767225600"#,
        r#"{"exp":1767225600}{}"#,
        r#"{"exp":1767225600,"exp":1767225600}"#,
        r#"{"sub":"ada","exp":1767225600,"\u0073ub":"bob"}"#,
        r#"{"exp":1767225600,"x":1,"x":2}"#,
    ] {
        assert_invalid(&claimed(claims), claims);
    }
}

#[test]
fn a_token_without_a_subject_has_no_user() {
    let verified = claimed(r#"{"exp":1767225600}"#).unwrap();
    assert_eq!(verified.user, None);
    let longest = "u".repeat(194);
    let with_user = |user: &str| claimed(&format!(r#"{{"exp":1767225600,"sub":"{user}"}}"#));
    assert!(with_user(&longest).is_ok());
    assert_invalid(&with_user(&format!("{longest}u")), "195 bytes");
}

#[test]
fn details_have_limits() {
    for (name, longest) in [("info", 1024), ("meta", 1024), ("jti", 128 + 2)] {
        let with = |len: usize| {
            let text = "x".repeat(len - 2);
            claimed(&format!(r#"{{"exp":1767225600,"{name}":"{text}"}}"#))
        };
        assert!(with(longest).is_ok(), "{name}");
        assert_invalid(&with(longest + 1), name);
    }
    let grants = |count: usize| {
        let patterns: Vec<String> = (0..count)
            .map(|n| format!(r#""{n}":["subscribe"]"#))
            .collect();
        let patterns = patterns.join(",");
        claimed(&format!(
            r#"{{"exp":1767225600,"channels":{{{patterns}}}}}"#
        ))
    };
    assert!(grants(256).is_ok());
    assert_invalid(&grants(257), "257 patterns");
}

#[test]
fn an_audience_must_be_there_and_match_if_one_is_configured() {
    let options = TokenOptions {
        audience: vec!["wavecast".to_owned(), "edge".to_owned()],
        ..TokenOptions::default()
    };
    let with = |aud: &str| claimed_with(options.clone(), &format!(r#"{{"exp":1767225600{aud}}}"#));
    for aud in [r#"wavecast""#, r#"edge""#].map(|aud| format!(r#","aud":"{aud}"#)) {
        assert!(with(&aud).is_ok(), "{aud}");
    }
    assert!(with(r#","aud":["other","edge"]"#).is_ok());
    for aud in [
        "",
        r#","aud":"other""#,
        r#","aud":"Wavecast""#,
        r#","aud":"wavecast ""#,
        r#","aud":[]"#,
        r#","aud":["other"]"#,
        r#","aud":["wavecast",7]"#,
        r#","aud":{"wavecast":1}"#,
        r#","aud":null"#,
    ] {
        assert_invalid(&with(aud), aud);
    }
}

#[test]
fn a_token_for_somebody_else_is_refused_if_no_audience_is_configured() {
    for aud in [r#""wavecast""#, r#"["wavecast"]"#, "[]", "null"] {
        let claims = format!(r#"{{"exp":1767225600,"aud":{aud}}}"#);
        assert_invalid(&claimed(&claims), aud);
    }
}

#[test]
fn an_issuer_must_be_there_and_match_if_one_is_configured() {
    let options = TokenOptions {
        issuer: vec!["https://app.example".to_owned()],
        ..TokenOptions::default()
    };
    let with = |iss: &str| claimed_with(options.clone(), &format!(r#"{{"exp":1767225600{iss}}}"#));
    assert!(with(r#","iss":"https://app.example""#).is_ok());
    for iss in [
        "",
        r#","iss":"https://app.example/""#,
        r#","iss":"https://app.example.evil""#,
        r#","iss":"HTTPS://app.example""#,
        r#","iss":["https://app.example"]"#,
        r#","iss":null"#,
    ] {
        assert_invalid(&with(iss), iss);
    }
    assert!(claimed(r#"{"exp":1767225600,"iss":"anybody"}"#).is_ok());
}

#[test]
fn a_channel_makes_it_a_subscription_token() {
    let channel = |claims: &str| claimed(claims).unwrap().channel.unwrap();
    let claim = channel(r#"{"exp":1767225600,"channel":"doc:17"}"#);
    assert_eq!(claim.channel.as_str(), "doc:17");
    assert!(claim.allow.contains(Action::Subscribe) && claim.allow.contains(Action::History));
    assert!(!claim.allow.contains(Action::Publish) && !claim.allow.contains(Action::Presence));
    let claim = channel(r#"{"exp":1767225600,"channel":"doc:17","allow":["publish"]}"#);
    assert!(claim.allow.contains(Action::Publish) && !claim.allow.contains(Action::Subscribe));
    // Without a channel, `allow` is a claim like any other.
    let connection = claimed(r#"{"exp":1767225600,"allow":7}"#).unwrap();
    assert_eq!(connection.channel, None);
}
