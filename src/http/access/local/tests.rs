use super::*;

const HERE: &str = "127.0.0.1:50000";

fn check_with(
    local: &LocalOnly,
    peer: &str,
    uri: &str,
    lines: &[(&str, &str)],
) -> Result<(), Remote> {
    let mut request = Request::builder().uri(uri);
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    let request = request.body(()).expect("a request");
    local.check(&request, Some(peer.parse().expect("an address")))
}

fn check(lines: &[(&str, &str)]) -> Result<(), Remote> {
    check_with(&LocalOnly::default(), HERE, "/api/stats", lines)
}

#[test]
fn only_peers_on_this_machine_are_admitted() {
    let of_peer = |peer| {
        let host = [("host", "localhost")];
        check_with(&LocalOnly::default(), peer, "/", &host)
    };
    for peer in [HERE, "127.0.0.2:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert_eq!(of_peer(peer), Ok(()), "{peer}");
    }
    for peer in [
        "192.0.2.1:1",
        "10.0.0.1:1",
        "0.0.0.0:1",
        "[::]:1",
        "[::ffff:192.0.2.1]:1",
    ] {
        assert_eq!(of_peer(peer), Err(Remote::Peer), "{peer}");
    }
    let request = Request::builder().header("host", "localhost").body(());
    let unknown = LocalOnly::default().check(&request.unwrap(), None);
    assert_eq!(unknown, Err(Remote::Peer));
}

#[test]
fn the_host_must_be_a_name_that_no_stranger_can_point_here() {
    for host in [
        "localhost",
        "LocalHost:3000",
        "app.localhost",
        "127.0.0.1",
        "127.9.9.9:3000",
        "[::1]",
        "[::1]:3000",
        "[::ffff:127.0.0.1]:80",
    ] {
        assert_eq!(check(&[("host", host)]), Ok(()), "{host}");
    }
    for host in [
        "",
        ":3000",
        "rebound.example",
        "rebound.example:3000",
        "localhost.rebound.example",
        "rebound.example:80.localhost",
        "notlocalhost",
        "127.0.0.1.rebound.example",
        "127.0.0.1:x",
        "127.1",
        "2130706433",
        "192.0.2.1:3000",
        "0.0.0.0:3000",
        "[::]",
        "[::1",
        "::1",
        "[localhost]",
    ] {
        assert_eq!(check(&[("host", host)]), Err(Remote::Host), "{host}");
    }
    assert_eq!(check(&[]), Err(Remote::Host));
    let whole = |uri| {
        let host = [("host", "localhost")];
        check_with(&LocalOnly::default(), HERE, uri, &host)
    };
    assert_eq!(whole("http://localhost:3000/api/stats"), Ok(()));
    assert_eq!(whole("http://rebound.example/api/stats"), Err(Remote::Host));
}

#[test]
fn a_request_that_a_proxy_has_forwarded_is_not_from_this_machine() {
    for name in [
        "forwarded",
        "via",
        "x-real-ip",
        "x-forwarded-for",
        "X-Forwarded-Proto",
        "x-forwarded-host",
        "x-forwarded-anything",
    ] {
        let refused = check(&[("host", "localhost"), (name, "127.0.0.1")]);
        let name = name.to_lowercase().parse().unwrap();
        assert_eq!(refused, Err(Remote::Proxy(name)));
    }
    let other = [
        ("host", "localhost"),
        ("x-request-id", "7"),
        ("accept", "*/*"),
    ];
    assert_eq!(check(&other), Ok(()));
}

#[test]
fn a_page_must_be_from_this_machine_or_from_an_origin_that_was_named() {
    let from = |local: &LocalOnly, origin| {
        let lines = [("host", "localhost"), ("origin", origin)];
        check_with(local, HERE, "/", &lines)
    };
    let local = LocalOnly::default();
    for origin in [
        "http://localhost:5173",
        "https://localhost",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
    ] {
        assert_eq!(from(&local, origin), Ok(()), "{origin}");
    }
    for origin in [
        "null",
        "",
        "localhost",
        "http://localhost.evil.example",
        "https://app.example",
        "http://127.0.0.1@evil.example",
        "chrome-extension://localhost",
        "file://",
    ] {
        assert_eq!(from(&local, origin), Err(Remote::Origin), "{origin}");
    }
    let named = LocalOnly::with_origins(&["https://app.example".to_owned()]);
    assert_eq!(from(&named, "https://app.example"), Ok(()));
    assert_eq!(from(&named, "https://other.example"), Err(Remote::Origin));
    let any = LocalOnly::with_origins(&["*".to_owned()]);
    assert_eq!(from(&any, "https://other.example"), Ok(()));
    // Two of them: each is looked at.
    let lines = [
        ("host", "localhost"),
        ("origin", "http://localhost"),
        ("origin", "https://app.example"),
    ];
    assert_eq!(check(&lines), Err(Remote::Origin));
}
