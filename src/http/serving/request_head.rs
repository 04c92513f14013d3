//! Checks of a request's head that hold for every path.

use axum::http::header::{HOST, TRANSFER_ENCODING};
use axum::http::{HeaderValue, Request, Version};

use crate::http::problem::ApiError;
use crate::protocol::ErrorCode;

/// Refuses a request that another server in front of this one could have understood in another way.
///
/// Errors: 400 without exactly one valid `Host`
/// ([RFC 9112 §3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2); HTTP/1.0 may leave it
/// out), 501 for a transfer encoding other than `chunked`
/// ([RFC 9112 §6.1](https://www.rfc-editor.org/rfc/rfc9112#section-6.1)).
pub(super) fn check_head<B>(request: &Request<B>) -> Result<(), ApiError> {
    let (mut hosts, mut encodings) = (Only::None, Only::None);
    // One pass costs less than two lookups.
    for (name, value) in request.headers() {
        if name == HOST {
            hosts.add(value);
        } else if name == TRANSFER_ENCODING {
            encodings.add(value);
        }
    }
    check_host(&hosts, request.version())?;
    check_transfer_encoding(&encodings)
}

/// The only value of a header.
enum Only<'a> {
    None,
    One(&'a [u8]),
    Many,
}

impl<'a> Only<'a> {
    fn add(&mut self, value: &'a HeaderValue) {
        *self = match self {
            Self::None => Self::One(value.as_bytes()),
            Self::One(_) | Self::Many => Self::Many,
        };
    }
}

fn check_host(hosts: &Only<'_>, version: Version) -> Result<(), ApiError> {
    let detail = match hosts {
        Only::One(host) if host.iter().all(|&byte| IN_HOST[usize::from(byte)]) => return Ok(()),
        Only::None if version == Version::HTTP_10 => return Ok(()),
        Only::One(_) => "the Host header is not a host with an optional port",
        Only::None | Only::Many => "exactly one Host header is required",
    };
    Err(ApiError::new(ErrorCode::InvalidHost, detail))
}

/// The bytes that a name, an IP address in brackets, or a port may contain
/// ([RFC 3986 §3.2.2](https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2)).
static IN_HOST: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0);
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let (others, mut index) = (b"-._~%!$&'()*+,;=:[]", 0);
    while index < others.len() {
        table[others[index] as usize] = true;
        index += 1;
    }
    table
};

fn check_transfer_encoding(encodings: &Only<'_>) -> Result<(), ApiError> {
    match encodings {
        Only::None => Ok(()),
        Only::One(value) if value.trim_ascii().eq_ignore_ascii_case(b"chunked") => Ok(()),
        Only::One(_) | Only::Many => {
            let detail = "only `Transfer-Encoding: chunked` is supported";
            Err(ApiError::new(
                ErrorCode::UnsupportedTransferEncoding,
                detail,
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: Version, lines: &[(&str, &str)]) -> Result<(), u16> {
        let mut request = Request::builder().version(version);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        check_head(&request).map_err(|error| error.status())
    }

    #[test]
    fn http_1_1_needs_one_host_and_http_1_0_may_leave_it_out() {
        let (old, new) = (Version::HTTP_10, Version::HTTP_11);
        assert_eq!(check(old, &[]), Ok(()));
        assert_eq!(check(new, &[]), Err(400));
        for version in [old, new] {
            assert_eq!(check(version, &[("host", "a"), ("host", "a")]), Err(400));
            for host in [
                "",
                "a",
                "a.example:3000",
                "[::1]:80",
                "1.2.3.4",
                "xn--bcher-kva.example",
            ] {
                assert_eq!(check(version, &[("host", host)]), Ok(()), "{host}");
            }
            for host in [
                "a b",
                "a/b",
                "u@a",
                "a?b",
                "http://a#",
                "a\"b",
                "a\\b",
                "a\tb",
            ] {
                assert_eq!(check(version, &[("host", host)]), Err(400), "{host}");
            }
        }
    }

    #[test]
    fn a_body_may_only_be_chunked_once() {
        let check = |encodings: &[&str]| {
            let host = [("host", "a")].into_iter();
            let encodings = encodings.iter().map(|value| ("transfer-encoding", *value));
            check(Version::HTTP_11, &host.chain(encodings).collect::<Vec<_>>())
        };
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&["chunked"]), Ok(()));
        assert_eq!(check(&["CHUNKED "]), Ok(()));
        for refused in [
            "gzip, chunked",
            "chunked, chunked",
            "identity",
            "xchunked",
            "",
        ] {
            assert_eq!(check(&[refused]), Err(501), "{refused}");
        }
        assert_eq!(check(&["chunked", "chunked"]), Err(501));
        assert_eq!(check(&["gzip", "chunked"]), Err(501));
    }
}
