//! `wavecast key new`, and what its key opens.

use serde_json::{Value, json};

use super::support::text;
use crate::support::{Binary, ConfigFile, exchange, run};

/// Makes a key; the key and the lines for the configuration.
async fn new_key(arguments: &[&str]) -> (String, String) {
    let output = run(&[&["key", "new"], arguments].concat()).await;
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    let printed = text(&output.stdout);
    let (key, rest) = printed
        .split_once('\n')
        .expect("the key on a line of its own");
    assert!(!rest.contains(key), "it is printed once");
    (key.to_owned(), rest.to_owned())
}

/// The status of a publication with this key.
async fn publish(edge: &Binary, key: &str, channel: &str) -> u16 {
    let body = json!({"channel": channel, "data": 1}).to_string();
    let request = format!(
        "POST /api/events HTTP/1.1\r\nHost: edge.example\r\nConnection: close\r\n\
         Authorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         X-Forwarded-For: 203.0.113.7\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(edge.address, request.as_bytes()).await.status
}

#[tokio::test]
async fn a_new_key_works_once_its_lines_are_in_the_configuration() {
    let (shop, lines) = new_key(&["--id", "shop", "--scope", "publish:orders:*"]).await;
    let (ops, more) = new_key(&[
        "--id=ops",
        "--scope",
        "read",
        "--scope=publish",
        "--rate",
        "100/s",
        "--expires",
        "2999-01-01T00:00:00Z",
    ])
    .await;
    assert_eq!(shop.len(), "wck_shop_".len() + 43);
    assert!(
        more.contains("scopes = [\"read\", \"publish\"]\nrate = \"100/s\"\n"),
        "{more}"
    );
    let file = ConfigFile::new(&format!("{lines}\n{more}"));
    let check = run(&["config", "check", "--strict", file.path()]).await;
    let expected = format!("ok: {}: 0 settings, 0 rules, 2 API keys\n", file.path());
    assert_eq!(text(&check.stdout), expected, "{}", text(&check.stderr));
    let edge = Binary::start(&["--config", file.path()]).await;
    assert!(
        edge.greeting.contains("Authorization: Bearer wck_…"),
        "{}",
        edge.greeting
    );
    assert_eq!(publish(&edge, &shop, "orders:1").await, 200);
    assert_eq!(publish(&edge, &shop, "audit").await, 403);
    assert_eq!(publish(&edge, &ops, "audit").await, 200);
    assert_eq!(
        publish(&edge, &shop.replace("shop", "ops"), "audit").await,
        401
    );
    // The page is a tool of development.
    let page = edge.http("GET", "/", None).await;
    page.expect_problem(404, "not_found");
    let on = ["--page", "on", "--config", file.path()];
    let page = Binary::start(&on).await.http("GET", "/", None).await;
    assert_eq!(page.status, 404);
    let dev = ["--dev", "--config", file.path()];
    let page = Binary::start(&dev).await.http("GET", "/", None).await;
    assert_eq!(page.status, 200);
}

#[tokio::test]
async fn a_program_gets_the_key_as_one_json_object() {
    let output = run(&[
        "key",
        "new",
        "--json",
        "--id",
        "shop",
        "--scope",
        "publish:a\"b",
        "--rate",
        "5/m",
    ])
    .await;
    assert_eq!(output.status.code(), Some(0));
    let printed = text(&output.stdout);
    assert_eq!(printed.lines().count(), 1);
    let object: Value = serde_json::from_str(&printed).expect("JSON");
    let key = object["key"].as_str().expect("a key");
    assert!(key.starts_with("wck_shop_"), "{key}");
    assert_eq!(object["sha256"].as_str().expect("a hash").len(), 64);
    assert_eq!(object["scopes"], json!(["publish:a\"b"]));
    assert_eq!(
        (&object["id"], &object["rate"]),
        (&json!("shop"), &json!("5/m"))
    );
}

#[tokio::test]
async fn every_problem_of_a_new_key_is_named_at_once() {
    for (arguments, problems) in [
        (
            &[][..],
            &[
                "a key needs an id: --id shop",
                "a key needs at least one --scope: publish, publish:<pattern>, read, admin",
            ][..],
        ),
        (
            &[
                "--id",
                "a b",
                "--scope",
                "raed",
                "--scope",
                "publish:",
                "--rate",
                "5",
                "--expires",
                "soon",
            ],
            &[
                "--id: the id of a key has 1 to 64 letters, digits, hyphens, underscores or periods",
                "--scope: \"raed\" is not a scope; did you mean `read`?",
                "--scope: the pattern behind `publish:` must not be empty",
                "--rate: \"5\" is not a rate; write 1000/s, 20/m or 5/h",
                "--expires: \"soon\" is not a time; write 2027-01-01T00:00:00Z",
            ],
        ),
        (
            &["--id", "a", "--id", "b", "--scope", "read"],
            &["--id: is given more than once"],
        ),
        (
            &["--id", "a", "--scpoe", "read"],
            &["--scpoe: unknown flag; did you mean `--scope`?"],
        ),
        (&["--id"], &["--id: needs a value"]),
    ] {
        let output = run(&[&["key", "new"], arguments].concat()).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(text(&output.stdout), "");
        let expected = format!("error: {}\n", problems.join("\nerror: "));
        assert_eq!(text(&output.stderr), expected, "{arguments:?}");
    }
    let output = run(&["key"]).await;
    assert_eq!(
        text(&output.stderr),
        "error: `wavecast key` needs a command: new\n"
    );
    let output = run(&["key", "nwe"]).await;
    assert_eq!(
        text(&output.stderr),
        "error: unknown command `nwe`; did you mean `new`?\n"
    );
}
