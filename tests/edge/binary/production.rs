//! The configuration in `examples/production.toml`.

use super::support::text;
use crate::support::{
    Binary, EventSource, Folder, TestCertificate, ask_tls, dial_tls, exchange, run,
};

const EXAMPLE: &str = include_str!("../../../examples/production.toml");

/// The example in a folder of its own, with the secret that it asks for.
fn installed() -> (Folder, String) {
    let folder = Folder::new();
    let (config, secret) = (folder.file("production.toml"), folder.file("token.secret"));
    std::fs::write(&config, EXAMPLE).expect("write");
    std::fs::write(&secret, "an example of a secret: 32 bytes\n").expect("write");
    (folder, config)
}

/// A server with the example whose files are in the folder.
async fn start(folder: &Folder, config: &str) -> Binary {
    let arguments = [
        "--config",
        config,
        "--internal-listen",
        "127.0.0.1:0",
        "--history-file",
        &folder.file("history"),
        "--revocations-file",
        &folder.file("revocations"),
    ];
    Binary::start(&arguments).await
}

#[tokio::test]
async fn the_example_for_production_is_valid() {
    let (_folder, config) = installed();
    let output = run(&["config", "check", "--strict", "--config", &config]).await;
    assert_eq!(text(&output.stderr), "");
    let expected = format!("ok: {config}: 12 settings, 4 rules, 1 key, 1 API key, [anonymous]\n");
    assert_eq!(text(&output.stdout), expected);
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test]
async fn the_example_for_production_works_with_tls_too() {
    let (folder, config) = installed();
    let own = TestCertificate::of(&["localhost"]);
    std::fs::write(folder.file("fullchain.pem"), &own.cert).expect("write");
    std::fs::write(folder.file("privkey.pem"), &own.key).expect("write");
    let with_tls: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(line)
                if ["[tls]", "cert", "key"]
                    .iter()
                    .any(|tls| line.starts_with(tls)) =>
            {
                line
            }
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    std::fs::write(&config, with_tls).expect("write");
    let edge = start(&folder, &config).await;
    let mut stream = dial_tls(edge.address, &own.client()).await;
    let request = "GET /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n";
    ask_tls(&mut stream, request)
        .await
        .expect_problem(404, "not_found");
}

#[tokio::test]
async fn a_server_with_the_example_for_production_is_closed_to_strangers() {
    let (folder, config) = installed();
    let edge = start(&folder, &config).await;
    let get = |path: &str, lines: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n")
    };
    let mut stream = EventSource::open(edge.address, "/sse?channel=status").await;
    stream.expect_subscribed(&["status"]).await;
    for (path, lines, status, code) in [
        ("/api/stats", "", 404, "not_found"),
        ("/", "", 404, "not_found"),
        ("/sse?channel=inbox:ada", "", 403, "forbidden"),
        ("/sse?channel=audit:1", "", 403, "forbidden"),
        (
            "/sse?channel=status",
            "Authorization: Bearer nonsense\r\n",
            401,
            "invalid_token",
        ),
        (
            "/sse?channel=status",
            "Origin: https://evil.example\r\n",
            403,
            "origin_not_allowed",
        ),
    ] {
        let refused = exchange(edge.address, get(path, lines).as_bytes()).await;
        refused.expect_problem(status, code);
    }
}
