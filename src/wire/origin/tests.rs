use http::HeaderValue;

use super::*;

fn headers(host: &str, origins: &[&str]) -> HeaderMap {
    let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).unwrap();
    let mut headers = HeaderMap::new();
    headers.append(HOST, value(host));
    for origin in origins {
        headers.append(ORIGIN, value(origin));
    }
    headers
}

fn allows(allowed: &AllowedOrigins, host: &str, origin: &str) -> bool {
    let checked = allowed.check(&headers(host, &[origin]));
    assert_ne!(checked, Err(OriginError::Several));
    checked.is_ok()
}

fn listed(origins: &[&str]) -> AllowedOrigins {
    AllowedOrigins::new(origins.iter().copied()).unwrap()
}

#[test]
fn a_request_of_no_page_is_allowed() {
    for allowed in [
        AllowedOrigins::default(),
        listed(&["https://app.example"]).on_hosts(AllowedHosts::Loopback),
    ] {
        assert_eq!(allowed.check(&headers("edge.example", &[])), Ok(()));
    }
}

#[test]
fn a_page_of_the_same_host_and_port_is_allowed() {
    let allowed = AllowedOrigins::default();
    for (host, origin) in [
        ("edge.example", "https://edge.example"),
        ("edge.example", "http://edge.example"),
        ("Edge.Example", "HTTPS://EDGE.example"),
        ("edge.example", "https://edge.example:443"),
        ("edge.example:443", "https://edge.example"),
        ("edge.example:80", "http://edge.example"),
        ("edge.example:8080", "http://edge.example:8080"),
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("[::1]:3000", "http://[0:0:0:0:0:0:0:1]:3000"),
    ] {
        assert!(allows(&allowed, host, origin), "{host} {origin}");
    }
    for (host, origin) in [
        ("edge.example", "https://edge.example.evil"),
        ("edge.example", "https://evil-edge.example"),
        ("edge.example", "https://a.edge.example"),
        ("edge.example", "https://example"),
        ("edge.example", "https://edge.example:8443"),
        ("edge.example:80", "https://edge.example"),
        ("edge.example:443", "http://edge.example"),
        ("edge.example:3000", "http://edge.example"),
        ("edge.example", "null"),
        ("null", "null"),
        ("edge.example", ""),
        ("edge.example", "edge.example"),
        ("edge.example", "https://edge.example/"),
        ("edge.example", "https://u@edge.example"),
        ("edge.example", "https://edge.example, https://edge.example"),
        ("edge.example", "https://edge.example https://a.example"),
        ("localhost", "capacitor://localhost"),
        ("edge.example", "http://m\u{fc}nchen.example"),
        ("edge.example", "file://"),
    ] {
        assert!(!allows(&allowed, host, origin), "{host} {origin}");
    }
}

#[test]
fn a_listed_origin_is_compared_as_scheme_host_and_port() {
    let allowed = listed(&[
        "https://App.example",
        "http://b.example:8080",
        "capacitor://localhost",
    ]);
    for origin in [
        "https://app.example",
        "HTTPS://APP.EXAMPLE",
        "https://app.example:443",
        "http://b.example:8080",
        "capacitor://localhost",
    ] {
        assert!(allows(&allowed, "edge.example", origin), "{origin}");
    }
    for origin in [
        "https://app.example.evil",
        "https://evilapp.example",
        "https://evil.app.example",
        "http://app.example",
        "https://app.example:8443",
        "https://app.example:80",
        "http://b.example",
        "https://app.example.",
        "https://app.example@evil",
        "null",
        "capacitor://localhost:1",
    ] {
        assert!(!allows(&allowed, "edge.example", origin), "{origin}");
    }
}

#[test]
fn a_wildcard_is_one_or_more_whole_labels() {
    let allowed = listed(&["https://*.app.example", "http://*.dev.example:8080"]);
    for origin in [
        "https://a.app.example",
        "https://a.b.APP.example",
        "http://a.dev.example:8080",
    ] {
        assert!(allows(&allowed, "edge.example", origin), "{origin}");
    }
    for origin in [
        "https://app.example",
        "https://.app.example",
        "https://a..app.example",
        "https://evilapp.example",
        "https://a.app.example.evil",
        "http://a.app.example",
        "https://a.app.example:8443",
        "http://a.dev.example",
        "null",
    ] {
        assert!(!allows(&allowed, "edge.example", origin), "{origin}");
    }
}

#[test]
fn any_origin_is_all_but_null_which_must_be_listed() {
    let any = listed(&["*"]);
    assert!(allows(&any, "edge.example", "https://app.example"));
    assert!(allows(&any, "edge.example", "file://"));
    assert!(!allows(&any, "edge.example", "null"));
    let null = listed(&["null"]);
    assert!(allows(&null, "edge.example", "null"));
    assert!(!allows(&null, "edge.example", "https://app.example"));
    assert!(allows(&listed(&["*", "null"]), "edge.example", "null"));
}

#[test]
fn several_origins_are_an_error_even_if_each_is_allowed() {
    let same = headers("a", &["http://a", "http://a"]);
    for allowed in [AllowedOrigins::default(), listed(&["*", "null"])] {
        assert_eq!(allowed.check(&same), Err(OriginError::Several));
    }
}

#[test]
fn a_page_whose_name_was_rebound_is_refused() {
    let allowed = listed(&["*"]).on_hosts(AllowedHosts::Loopback);
    assert!(allows(&allowed, "localhost:3000", "http://localhost:3000"));
    assert!(allows(&allowed, "127.0.0.1", "https://app.example"));
    assert!(!allows(&allowed, "evil.example", "http://evil.example"));
    assert!(!allows(&allowed, "192.0.2.1", "http://192.0.2.1"));
    let allowed = AllowedOrigins::default().on_hosts(AllowedHosts::LoopbackOrAddress);
    assert!(allows(&allowed, "192.0.2.1:80", "http://192.0.2.1"));
    assert!(!allows(&allowed, "evil.example", "http://evil.example"));
    let mut without_host = headers("localhost", &["http://localhost"]);
    without_host.remove(HOST);
    assert_eq!(allowed.check(&without_host), Err(OriginError::NotAllowed));
    without_host.append(HOST, HeaderValue::from_static("localhost"));
    without_host.append(HOST, HeaderValue::from_static("localhost"));
    assert_eq!(allowed.check(&without_host), Err(OriginError::NotAllowed));
}

#[test]
fn pages_of_this_machine_are_allowed_on_any_port_for_development() {
    let allowed = AllowedOrigins::default().with_loopback();
    for origin in [
        "http://localhost:5173",
        "https://127.0.0.1:8443",
        "http://[::1]",
        "http://app.localhost:1",
    ] {
        assert!(allows(&allowed, "localhost:3000", origin), "{origin}");
    }
    for origin in [
        "http://localhost.evil:5173",
        "http://evil.example",
        "ftp://localhost",
        "null",
    ] {
        assert!(!allows(&allowed, "localhost:3000", origin), "{origin}");
    }
}

#[test]
fn text_that_is_not_an_origin_cannot_be_listed() {
    for text in [
        "",
        "app.example",
        "https://",
        "https://app.example/",
        "https://*",
        "https://*app.example",
        "https://a.*.example",
        "https://*.*.example",
        "https://*.127.0.0.1",
        "*://app.example",
        "*.app.example",
        "https://app.example:port",
        "1http://app.example",
        "NULL",
    ] {
        let error = AllowedOrigins::new([text]).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{text:?} is not")));
    }
}
