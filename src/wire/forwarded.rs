//! What proxies say about where a request comes from: `Forwarded`
//! ([RFC 7239](https://www.rfc-editor.org/rfc/rfc7239)) and `X-Forwarded-For`.
//!
//! Each proxy appends to what it gets, so only the end of such a header is the word of the last proxy.
//! Everything is read from the end, and what somebody has put in front of it changes nothing.

use std::net::{IpAddr, Ipv6Addr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whether a request has one of these headers.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED) || headers.contains_key(X_FORWARDED_FOR)
}

/// Whether a request has both headers.
pub(super) fn has_both(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED) && headers.contains_key(X_FORWARDED_FOR)
}

/// The addresses in `Forwarded`, or else in `X-Forwarded-For`, the last one first. `None` stands for
/// something that is not readable as an address.
pub(super) fn addresses(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let is_standard = headers.contains_key(FORWARDED);
    let name = if is_standard {
        FORWARDED
    } else {
        X_FORWARDED_FOR
    };
    let lines = headers.get_all(name).iter().rev();
    lines.flat_map(move |line| {
        // A line that is not text is one element that is not readable.
        let line = line.to_str().unwrap_or("?");
        let elements = FromTheEnd(Some(line)).filter(|element| !element.trim().is_empty());
        elements.map(move |element| {
            if is_standard {
                node_of(element)
            } else {
                address(element.trim())
            }
        })
    })
}

/// The elements of a list, the last one first. A comma in quotation marks separates nothing.
struct FromTheEnd<'a>(Option<&'a str>);

impl<'a> Iterator for FromTheEnd<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let list = self.0.take()?;
        let mut is_quoted = false;
        for (at, byte) in list.bytes().enumerate().rev() {
            match byte {
                b'"' => is_quoted ^= !is_escaped(list, at),
                b',' if !is_quoted => {
                    self.0 = Some(&list[..at]);
                    return Some(&list[at + 1..]);
                }
                _ => {}
            }
        }
        Some(list)
    }
}

fn is_escaped(text: &str, at: usize) -> bool {
    let before = text.as_bytes()[..at].iter().rev();
    before.take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

/// The address that one element of `Forwarded` gives in `for`.
fn node_of(element: &str) -> Option<IpAddr> {
    let mut nodes = element.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then_some(value.trim())
    });
    let node = nodes.next()?;
    if nodes.next().is_some() {
        return None;
    }
    match node.strip_prefix('"') {
        // No address has anything to escape in it.
        Some(quoted) => address(quoted.strip_suffix('"')?),
        None => address(node),
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        if !rest.is_empty() && !is_port(rest.strip_prefix(':')?) {
            return None;
        }
        return Some(IpAddr::V6(address.parse::<Ipv6Addr>().ok()?).to_canonical());
    }
    let with_port = text.split_once(':');
    let address = match with_port {
        Some((address, port)) if !port.contains(':') => Some(address).filter(|_| is_port(port))?,
        _ => text,
    };
    Some(address.parse::<IpAddr>().ok()?.to_canonical())
}

/// A number, or an obfuscated port.
fn is_port(text: &str) -> bool {
    let rest = text.strip_prefix('_').unwrap_or(text);
    !rest.is_empty()
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(name: &'static str, lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_static(line));
        }
        let shown = addresses(&headers)
            .map(|address| address.map_or_else(|| "-".to_owned(), |address| address.to_string()));
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn forwarded_is_read_from_the_end_over_all_lines() {
        for (lines, expected) in [
            (&["for=192.0.2.1"][..], "192.0.2.1"),
            (
                &["for=192.0.2.1, for=192.0.2.2", "for=192.0.2.3"],
                "192.0.2.3 192.0.2.2 192.0.2.1",
            ),
            (&["proto=https;For=\"192.0.2.1:4711\";by=_x"], "192.0.2.1"),
            (&["for=\"[2001:db8::1]:4711\""], "2001:db8::1"),
            (&["for=\"[2001:db8::1]\" ; host=\"a,b;for=1\""], "-"),
            (&["for=\"[2001:db8::1]\";host=\"a,b\""], "2001:db8::1"),
            (&["for=\"[::ffff:192.0.2.1]\""], "192.0.2.1"),
            (&["for=unknown, for=_hidden, for=\"_SEVKISEK\""], "- - -"),
            (&["proto=http", "for=192.0.2.1;for=192.0.2.2"], "- -"),
            (&["for=\"192.0.2.1:_port\", for=192.0.2.2:"], "- 192.0.2.1"),
            (&["", " , "], ""),
        ] {
            assert_eq!(read("forwarded", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_a_client_puts_in_front_changes_nothing_behind_it() {
        for spoofed in [
            "for=\"192.0.2.66",
            "for=\"192.0.2.66\\\"",
            "\"",
            "\\",
            "for=192.0.2.66;",
            "for=\"[",
            "=,=;;,",
        ] {
            let line: &'static str = format!("{spoofed}, for=192.0.2.1;proto=\"https\"").leak();
            let read = read("forwarded", &[line]);
            assert_eq!(read.split(' ').next(), Some("192.0.2.1"), "{line}");
        }
    }

    #[test]
    fn x_forwarded_for_is_read_in_the_same_way() {
        for (lines, expected) in [
            (&["192.0.2.1"][..], "192.0.2.1"),
            (
                &["192.0.2.1,192.0.2.2", " 2001:db8::1 "],
                "2001:db8::1 192.0.2.2 192.0.2.1",
            ),
            (
                &["[2001:db8::1]:80, 192.0.2.1:80, ::ffff:192.0.2.9"],
                "192.0.2.9 192.0.2.1 2001:db8::1",
            ),
            (&["unknown, 192.0.2.1,,"], "192.0.2.1 -"),
            (
                &["192.0.2.256, 192.0.2, fe80::1%eth0, [::1, ::1]"],
                "- - - - -",
            ),
        ] {
            assert_eq!(read("x-forwarded-for", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_standard_header_comes_before_the_other_one() {
        let mut headers = HeaderMap::new();
        assert!(!is_forwarded(&headers));
        headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
        headers.append("forwarded", HeaderValue::from_static("for=192.0.2.2"));
        let all: Vec<_> = addresses(&headers).collect();
        assert_eq!(all, ["192.0.2.2".parse().ok()]);
        assert!(is_forwarded(&headers));
    }

    #[test]
    fn a_line_that_is_no_text_is_not_readable() {
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_bytes(b"192.0.2.1\xff").unwrap();
        headers.append("x-forwarded-for", line);
        assert_eq!(addresses(&headers).collect::<Vec<_>>(), [None]);
    }
}
