//! The HTTP API: publishing, and problems for what is refused.

use serde_json::json;

use crate::support::{TestServer, config, eventually, exchange, post_text, refusable_handshake};

#[tokio::test]
async fn a_body_must_be_announced_as_json() {
    let server = TestServer::start_default().await;
    let body = r#"{"channel":"a","data":1}"#;
    for headers in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: application/jsonx\r\n",
    ] {
        for path in ["/api/events", "/api/events/batch"] {
            let response = post_text(server.address, path, headers, body).await;
            response.expect_problem(415, "unsupported_media_type");
        }
    }
    for headers in [
        "Content-Type: APPLICATION/JSON\r\n",
        "Content-Type: application/json; charset=utf-8\r\n",
    ] {
        assert_eq!(
            post_text(server.address, "/api/events", headers, body)
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn a_body_over_its_bound_is_refused() {
    let server = TestServer::start(config(|config| config.max_body_size = 1000)).await;
    let body = |size: usize| {
        let frame = json!({"channel": "a", "data": ""}).to_string().len();
        json!({"channel": "a", "data": "x".repeat(size - frame)})
    };
    assert_eq!(server.post("/api/events", &body(1000)).await.status, 200);
    let response = server.post("/api/events", &body(1001)).await;
    response.expect_problem(413, "message_too_large");
    // In chunks it has no length to look at first.
    let chunked = "POST /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
        Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = format!("{:x}\r\n{}\r\n", 600, " ".repeat(600)).repeat(2);
    let request = format!("{chunked}{chunks}0\r\n\r\n");
    let response = exchange(server.address, request.as_bytes()).await;
    response.expect_problem(413, "message_too_large");
}

#[tokio::test]
async fn health_says_what_it_means() {
    let server = TestServer::start_default().await;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        server.get("/health").await,
        json!({"status": "ok", "version": version})
    );
    let answers = [("/healthz", 200, "ok\n"), ("/readyz", 200, "ready\n")];
    for (path, status, body) in answers {
        let response = server.http("GET", path, None).await;
        assert_eq!((response.status, response.body.as_str()), (status, body));
    }
    server.server.node().begin_drain();
    assert_eq!(
        server.get("/health").await,
        json!({"status": "draining", "version": version})
    );
    let answers = [("/healthz", 200, "ok\n"), ("/readyz", 503, "draining\n")];
    for (path, status, body) in answers {
        let response = server.http("GET", path, None).await;
        assert_eq!((response.status, response.body.as_str()), (status, body));
    }
}

#[tokio::test]
async fn a_draining_server_takes_nothing_new() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    server.server.node().begin_drain();
    let event = json!({"channel": "a", "data": 1});
    for (path, body) in [
        ("/api/events", event.clone()),
        ("/api/events/batch", json!({"events": [event]})),
    ] {
        let response = server.post(path, &body).await;
        response.expect_problem(503, "draining");
        assert_eq!(response.header("retry-after"), Some("1"));
    }
    let request = refusable_handshake();
    let response = exchange(server.address, request.as_bytes()).await;
    response.expect_problem(503, "draining");
    assert_eq!(response.header("retry-after"), Some("1"));
    // Who is here already is served to the end.
    client.expect_silence().await;
}

#[tokio::test]
async fn a_full_server_refuses_the_next_connection() {
    let server = TestServer::start(config(|config| config.max_connections = 2)).await;
    let clients = server.connect_many(2).await;
    let request = refusable_handshake();
    let response = exchange(server.address, request.as_bytes()).await;
    response.expect_problem(503, "too_many_connections");
    for client in clients {
        client.close().await;
    }
    eventually("places", async || server.server.node().hub().links() == 0).await;
    server.connect().await.close().await;
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let server = TestServer::start_default().await;
    server
        .http("GET", "/nothing", None)
        .await
        .expect_problem(404, "not_found");
    server
        .http("GET", "/api/events", None)
        .await
        .expect_problem(405, "method_not_allowed");
    server
        .http("DELETE", "/api/stats", None)
        .await
        .expect_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let server = TestServer::start_default().await;
    let page = server.http("GET", "/", None).await;
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
    assert!(
        page.body
            .contains("import { Wavecast } from './wavecast.js'")
    );
}

/// The path that a relative address means in the script at `base`.
fn resolve(base: &str, address: &str) -> String {
    let mut path: Vec<&str> = base.split('/').collect();
    path.pop();
    for part in address.split('/') {
        match part {
            "." => {}
            ".." => {
                path.pop();
            }
            name => path.push(name),
        }
    }
    path.join("/")
}

#[tokio::test]
async fn the_client_is_served_with_all_that_it_imports() {
    let server = TestServer::start_default().await;
    let mut scripts = vec!["/wavecast.js".to_owned()];
    for index in 0.. {
        let Some(path) = scripts.get(index).cloned() else {
            break;
        };
        let script = server.http("GET", &path, None).await;
        assert_eq!(script.status, 200, "{path}");
        let content_type = script.header("content-type").unwrap();
        assert!(content_type.starts_with("text/javascript"), "{path}");
        for import in script
            .body
            .lines()
            .filter(|line| line.starts_with("import "))
        {
            let address = import.split('\'').nth(1).expect("a quoted address");
            let imported = resolve(&path, address);
            if !scripts.contains(&imported) {
                scripts.push(imported);
            }
        }
    }
    assert!(scripts.len() > 5, "{scripts:?}");
    server
        .http("GET", "/wavecast/nothing.js", None)
        .await
        .expect_problem(404, "not_found");
}
