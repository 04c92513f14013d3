//! The header of a token.

use super::algorithm::Algorithm;
use crate::protocol::{Json, members};

/// What is read of a header. Nothing else in it is looked at, least of all a key that it brings
/// along (`jwk`, `jku`, `x5u`, `x5c`).
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    /// The id of the key, only ever compared with the ids of known keys.
    pub(super) key_id: Option<String>,
}

impl Header {
    /// Reads the JSON text of a header. Errors: which rule it breaks.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let members =
            members(text).map_err(|_| "the header is not an object of distinct members")?;
        let (mut algorithm, mut key_id) = (None, None);
        for (name, value) in members {
            match name.as_str() {
                "alg" => algorithm = Some(string(value).ok_or("`alg` is not a string")?),
                "kid" => key_id = Some(string(value).ok_or("`kid` is not a string")?),
                // RFC 8725 §3.11: a token that was made for something else says so here.
                "typ" => match string(value).as_deref() {
                    Some("JWT" | "at+jwt") => {}
                    _ => return Err("`typ` is neither JWT nor at+jwt"),
                },
                // RFC 7515 §4.1.11: no extension is known here, so each must be refused.
                "crit" => return Err("`crit` is not supported"),
                "zip" | "enc" => return Err("it is compressed or encrypted"),
                _ => {}
            }
        }
        let algorithm = algorithm.ok_or("`alg` is missing")?;
        let algorithm = Algorithm::parse(&algorithm).ok_or("`alg` is not supported")?;
        Ok(Self { algorithm, key_id })
    }
}

fn string(value: &str) -> Option<String> {
    Json::from_text(value.to_owned()).decode().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithm_and_key_id_are_read() {
        let header = Header::parse(r#"{"alg":"ES256","kid":"a","typ":"at+jwt","x":[1]}"#);
        let expected = Header {
            algorithm: Algorithm::Es256,
            key_id: Some("a".to_owned()),
        };
        assert_eq!(header, Ok(expected));
        let header = Header::parse(r#"{"typ":"JWT","alg":"HS256"}"#).unwrap();
        assert_eq!((header.algorithm, header.key_id), (Algorithm::Hs256, None));
    }

    #[test]
    fn a_header_that_breaks_a_rule_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"alg":null}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS256","alg":"HS256"}"#,
            r#"{"alg":"none","\u0061lg":"HS256"}"#,
            r#"{"alg":"HS256","x":1,"x":1}"#,
            r#"{"alg":"HS256","kid":1}"#,
            r#"{"alg":"HS256","kid":null}"#,
            r#"{"alg":"HS256","typ":null}"#,
            r#"{"alg":"HS256","typ":"JWE"}"#,
            r#"{"alg":"HS256","typ":"dpop+jwt"}"#,
            r#"{"alg":"HS256","typ":""}"#,
            r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            r#"{"alg":"HS256","crit":["exp"]}"#,
            r#"{"alg":"HS256","crit":[]}"#,
            r#"{"alg":"HS256","crit":null}"#,
            r#"{"alg":"HS256","zip":"DEF"}"#,
            r#"{"alg":"HS256","enc":"A256GCM"}"#,
            r#"{"alg":"HS256"} x"#,
        ] {
            assert!(Header::parse(text).is_err(), "{text}");
        }
    }
}
