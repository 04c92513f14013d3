//! Health, and the answers of a server that is draining or full.

use serde_json::json;

use crate::support::{TestServer, config, eventually, exchange, refusable_handshake};

#[tokio::test]
async fn health_checks_report_whether_the_server_runs_and_accepts_connections() {
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
async fn a_draining_server_refuses_events_and_connections() {
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
    // Clients that are connected already are still served.
    client.expect_silence().await;
}

#[tokio::test]
async fn a_full_server_refuses_the_next_connection() {
    let server = TestServer::start(config(|config| config.connections.max = 2)).await;
    let clients = server.connect_many(2).await;
    let request = refusable_handshake();
    let response = exchange(server.address, request.as_bytes()).await;
    response.expect_problem(503, "too_many_connections");
    for client in clients {
        client.close().await;
    }
    eventually("free connections", async || server.links() == 0).await;
    server.connect().await.close().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problem_documents() {
    let server = TestServer::start_default().await;
    server
        .http("GET", "/nothing", None)
        .await
        .expect_problem(404, "not_found");
    for (path, meant) in [
        ("/nothing", None),
        ("/events", Some("/api/events")),
        ("/api/event", Some("/api/events")),
        ("/api/events/", Some("/api/events")),
        ("/stats", Some("/api/stats")),
        ("/api/channels/news/histori", None),
        ("/redyz", Some("/readyz")),
        ("/see", Some("/sse")),
    ] {
        let response = server.http("GET", path, None).await;
        let detail = response.expect_problem(404, "not_found");
        let end = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        assert_eq!(detail, format!("there is nothing at this path{end}"));
    }
}

#[tokio::test]
async fn the_answer_to_a_wrong_method_names_the_right_ones() {
    let server = TestServer::start_default().await;
    for (path, methods) in [
        ("/sse", "GET"),
        ("/api/events", "POST"),
        ("/api/events/batch", "POST"),
        ("/api/events/stream", "POST"),
        ("/api/stats", "GET"),
        ("/api/channels", "GET"),
        ("/api/channels/news/history", "GET"),
        ("/api/rooms", "GET"),
        ("/api/rooms/lobby/history", "GET"),
        ("/api/connections", "GET"),
        ("/api/connections/1", "GET or DELETE"),
        ("/health", "GET"),
        ("/healthz", "GET"),
        ("/readyz", "GET"),
        ("/wavecast.js", "GET"),
        ("/wavecast.iife.js", "GET"),
        ("/wavecast/base/json.js", "GET"),
        ("/page/app.js", "GET"),
        ("/", "GET"),
    ] {
        let response = server.http("PATCH", path, None).await;
        let detail = response.expect_problem(405, "method_not_allowed");
        let text = format!("this path does not support this method; use {methods}");
        assert_eq!(detail, text, "{path}");
        // `/sse` has a fallback of its own, so axum adds no header.
        let allowed = response.header("allow").unwrap_or("GET,HEAD");
        let mut allowed: Vec<&str> = allowed.split(',').collect();
        allowed.retain(|method| *method != "HEAD");
        allowed.sort_by_key(|method| *method == "DELETE");
        assert_eq!(methods, allowed.join(" or "), "{path}");
    }
}
