//! The key in a request's header section ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)).

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// The text behind `Bearer`, if there is exactly one `Authorization`. A key in the query counts for
/// nothing: query strings end up in the logs of others.
pub(super) fn key_in(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    // RFC 9110 §11.1: the name of a scheme is case-insensitive.
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(values: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        key_in(&headers).map(str::to_owned)
    }

    #[test]
    fn one_bearer_is_the_key() {
        for value in ["Bearer wck_a", "bearer wck_a", "BEARER   wck_a "] {
            assert_eq!(key(&[value]).as_deref(), Some("wck_a"), "{value}");
        }
        for values in [
            &[][..],
            &["wck_a"],
            &["Basic wck_a"],
            &["Bearerwck_a"],
            &["Bearer wck_a", "Bearer wck_a"],
        ] {
            assert_eq!(key(values), None, "{values:?}");
        }
    }
}
