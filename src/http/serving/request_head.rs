//! Checks of a request's head that hold for every path.

use axum::http::header::{HOST, TRANSFER_ENCODING};
use axum::http::{HeaderMap, Request, Version};

use crate::http::problem::ApiError;
use crate::protocol::ErrorCode;

/// Refuses a request that another server in front of this one could have understood in another way.
///
/// Errors: 400 without exactly one valid `Host`
/// ([RFC 9112 §3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2); HTTP/1.0 may leave it
/// out), 501 for a transfer encoding other than `chunked`
/// ([RFC 9112 §6.1](https://www.rfc-editor.org/rfc/rfc9112#section-6.1)).
pub(super) fn check_head<B>(request: &Request<B>) -> Result<(), ApiError> {
    check_host(request.headers(), request.version())?;
    check_transfer_encoding(request.headers())
}

fn check_host(headers: &HeaderMap, version: Version) -> Result<(), ApiError> {
    let mut hosts = headers.get_all(HOST).iter();
    let detail = match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.as_bytes().iter().all(|&byte| may_be_in_host(byte)) => {
            return Ok(());
        }
        (None, None) if version == Version::HTTP_10 => return Ok(()),
        (Some(_), None) => "the Host header is not a host with an optional port",
        _ => "exactly one Host header is required",
    };
    Err(ApiError::new(ErrorCode::InvalidHost, detail))
}

/// Whether a name, an IP address in brackets, or a port may contain this byte
/// ([RFC 3986 §3.2.2](https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2)).
fn may_be_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(&byte)
}

fn check_transfer_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |value: &[u8]| value.trim_ascii().eq_ignore_ascii_case(b"chunked");
    match (encodings.next(), encodings.next()) {
        (None, None) => Ok(()),
        (Some(encoding), None) if is_chunked(encoding.as_bytes()) => Ok(()),
        _ => {
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
