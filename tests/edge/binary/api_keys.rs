//! `[[api_keys]]` of the configuration file, and that no key is ever printed.

use rustix::process::Signal;

use super::support::{expect_problems, text};
use crate::support::{Binary, ConfigFile, exchange, run};

#[tokio::test]
async fn every_problem_with_a_key_is_reported_with_its_line_and_without_the_key() {
    let hash = "0".repeat(64);
    let file = ConfigFile::new(&format!(
        r#"[[api_keys]]
id = "shop"
sha256 = "wck_shop_SECRETSECRETSECRETSECRETSECRETSECRETSECRET"
scopes = ["publish"]
[[api_keys]]
id = "wck_shop_SECRETSECRETSECRETSECRETSECRETSECRETSECRET"
sha256 = "SECRET"
scopes = ["raed"]
[[api_keys]]
id = "shop"
sha256 = "{hash}"
scope = ["read"]
rate = 5
expires = "soon"
[[api_keys]]
key = "wck_shop_SECRETSECRETSECRETSECRETSECRETSECRETSECRET"
scopes = []
rate = "5"
[[api_keys]]
id = "a b"
sha256 = 7
scopes = ["read", 5]
"#
    ));
    let path = file.path();
    let output = run(&["--config", path]).await;
    assert!(!text(&output.stderr).contains("SECRET"));
    let looks =
        "this looks like a key, which belongs in no file; `wavecast key new` prints what does";
    let no_hash = "this is not a SHA-256: 64 hexadecimal digits, as `wavecast key new` prints them";
    let scopes = "publish, publish:<pattern>, read, admin";
    let problems = [
        format!("3: `api_keys.sha256`: {looks}"),
        format!("6: `api_keys.id`: {looks}"),
        format!("7: `api_keys.sha256`: {no_hash}"),
        "8: `api_keys.scopes`: \"raed\" is not a scope; did you mean `read`?".to_owned(),
        format!("10: `api_keys.id`: `shop` is already the id of another key, at {path}:2"),
        "12: unknown key `api_keys.scope`; did you mean `scopes`?".to_owned(),
        "13: `api_keys.rate`: 5 is not a rate; write \"1000/s\"".to_owned(),
        "14: `api_keys.expires`: \"soon\" is not a time; write \"2027-01-01T00:00:00Z\"".to_owned(),
        "15: `api_keys`: a key needs `id`".to_owned(),
        "15: `api_keys`: a key needs `sha256`".to_owned(),
        format!("16: `api_keys.key`: {looks}"),
        format!("17: `api_keys.scopes`: a key without scopes may do nothing; write {scopes}"),
        "18: `api_keys.rate`: \"5\" is not a rate; write 1000/s, 20/m or 5/h".to_owned(),
        "20: `api_keys.id`: the id of a key has 1 to 64 letters, digits, hyphens, underscores or periods".to_owned(),
        format!("21: `api_keys.sha256`: {no_hash}"),
        format!("22: `api_keys.scopes`: 5 is not a scope; write {scopes}"),
    ]
    .map(|problem| format!("{path}:{problem}"));
    expect_problems(&output, &problems.each_ref().map(String::as_str));

    let file = ConfigFile::new("api_keys = \"wck_SECRET\"\n");
    let output = run(&["--config", file.path()]).await;
    let problem = "1: `api_keys` is a list of keys; write each as [[api_keys]]";
    expect_problems(&output, &[&format!("{}:{problem}", file.path())]);
    let file = ConfigFile::new("[[api_key]]\nid = \"a\"\n");
    let output = run(&["--config", file.path()]).await;
    let problem = "1: unknown key `api_key`; did you mean `api_keys`?";
    expect_problems(&output, &[&format!("{}:{problem}", file.path())]);
}

#[tokio::test]
async fn a_key_that_has_expired_is_a_warning() {
    let hash = "0".repeat(64);
    let key = |expires: &str| {
        format!(
            "[[api_keys]]\nid = \"old\"\nsha256 = \"{hash}\"\nscopes = [\"read\"]\nexpires = {expires}\n"
        )
    };
    for expires in ["\"2026-01-01T00:00:00Z\"", "2026-01-01T00:00:00Z"] {
        let file = ConfigFile::new(&key(expires));
        let output = run(&["config", "check", file.path()]).await;
        assert_eq!(output.status.code(), Some(0));
        let expected = format!(
            "warning: {}:5: `api_keys.expires`: the key `old` has expired at 2026-01-01T00:00:00Z\n",
            file.path()
        );
        assert_eq!(text(&output.stderr), expected);
    }
}

/// Whatever is asked with a key, right or wrong, and however much is logged.
#[tokio::test]
async fn no_key_is_ever_logged() {
    let output = run(&["key", "new", "--id", "shop", "--scope", "publish:orders:*"]).await;
    let printed = text(&output.stdout);
    let (key, lines) = printed
        .split_once('\n')
        .expect("the key on a line of its own");
    let file = ConfigFile::new(lines);
    let arguments = [
        "--config",
        file.path(),
        "--listen",
        "127.0.0.1:0",
        "--log",
        "trace",
    ];
    let mut edge = Binary::start_as_given(&arguments, &[]).await;
    let secret = &key["wck_shop_".len()..];
    let unknown = key.replace("shop", "other");
    let wrong = format!("{key}A");
    let mut statuses = Vec::new();
    for (line, key) in [
        ("POST /api/events", key),
        ("POST /api/events/batch", key),
        ("GET /api/stats", key),
        ("GET /api/stats", &unknown),
        ("DELETE /api/connections/5", &wrong),
        (&format!("GET /api/stats?key={key}"), key),
        (&format!("GET /api/channels/{key}/history"), key),
        (&format!("GET /nothing/{key}"), key),
        (&format!("GET /sse?token={key}"), "none"),
    ] {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let answer = exchange(edge.address, request.as_bytes()).await;
        assert!(!answer.head.contains(secret), "{}", answer.head);
        assert!(!answer.body.contains(secret), "{}", answer.body);
        statuses.push(answer.status);
    }
    assert_eq!(&statuses[2..6], [403, 401, 401, 403]);
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
    let log = edge.stderr();
    assert!(log.contains("started"), "{log}");
    assert!(!log.contains(secret), "{log}");
}
