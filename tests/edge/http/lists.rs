//! Lists of the HTTP API: connections, channels, rooms; one connection and its end.

use serde_json::{Value, json};

use crate::support::{TestServer, eventually};

/// Walks a list page by page and returns its items.
async fn walk(server: &TestServer, path: &str, limit: usize) -> Vec<Value> {
    let list = path.rsplit('/').next().unwrap();
    let (mut items, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{path}?limit={limit}{after}")).await;
        let found = page[list].as_array().expect("a list");
        assert!(found.len() <= limit);
        items.extend(found.iter().cloned());
        let Some(next) = page["next"].as_str() else {
            assert_eq!(page["total"], items.len());
            return items;
        };
        assert_eq!(found.len(), limit, "only the last page is short");
        after = format!("&after={next}");
    }
}

#[tokio::test]
async fn connections_are_listed_page_by_page() {
    let server = TestServer::start_default().await;
    let clients = server.connect_many(25).await;
    let all = walk(&server, "/api/connections", 10).await;
    let remotes: Vec<Value> = clients
        .iter()
        .map(|client| json!(client.local_addr().to_string()))
        .collect();
    let listed: Vec<Value> = all
        .iter()
        .map(|connection| connection["remote"].clone())
        .collect();
    assert_eq!(listed, remotes, "in the order of connecting");
    // A page that ends with the list has no next.
    assert_eq!(walk(&server, "/api/connections", 25).await.len(), 25);
    assert_eq!(walk(&server, "/api/connections", 1).await.len(), 25);
    let defaults = server.get("/api/connections").await;
    assert_eq!(
        (&defaults["total"], &defaults["next"]),
        (&json!(25), &Value::Null)
    );
}

#[tokio::test]
async fn channels_and_rooms_are_listed_page_by_page() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    for index in (0..7).rev() {
        client.subscribe(&format!("channel-{index}")).await;
        client.join(&format!("room-{index}"), 1).await;
    }
    server.publish("channel-3", "counted").await;
    for limit in [1, 3, 7, 100] {
        let channels = walk(&server, "/api/channels", limit).await;
        let expected = (0..7).map(|at| {
            json!({"name": format!("channel-{at}"), "subscribers": 1, "events": u8::from(at == 3)})
        });
        assert_eq!(channels, expected.collect::<Vec<_>>());
        let rooms = walk(&server, "/api/rooms", limit).await;
        let names =
            (0..7).map(|at| json!({"name": format!("room-{at}"), "members": 1, "messages": 0}));
        assert_eq!(rooms, names.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn pages_that_make_no_sense_are_refused() {
    let server = TestServer::start_default().await;
    for list in ["connections", "channels", "rooms"] {
        for query in [
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=ten",
            "offset=5",
            "limit=1&limit=2",
        ] {
            let response = server
                .http("GET", &format!("/api/{list}?{query}"), None)
                .await;
            response.expect_problem(400, "invalid_query");
        }
        assert_eq!(
            server.get(&format!("/api/{list}?limit=1000")).await["total"],
            0
        );
    }
    let response = server.http("GET", "/api/connections?after=5", None).await;
    response.expect_problem(400, "invalid_id");
}

#[tokio::test]
async fn one_connection_shows_what_it_is_in_and_what_it_sent() {
    let server = TestServer::start_default().await;
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    client.join("general", 1).await;
    other.join("general", 2).await;
    client.next_text().await;
    client.subscribe("news").await;
    let id = server.id_of(&client).await;
    let before = server.get(&format!("/api/connections/{id}")).await;
    assert_eq!(before["id"], id.to_string());
    assert_eq!(before["remote"], client.local_addr().to_string());
    assert_eq!(before["user"], Value::Null);
    assert_eq!(
        (&before["rooms"], &before["channels"]),
        (&json!(["general"]), &json!(["news"]))
    );
    let since = before["since"].as_str().unwrap();
    assert!(since.starts_with("20") && since.ends_with('Z'), "{since}");

    // In: one message of 54 bytes; out: a pong of 15 bytes behind a head of two.
    let command = r#"{"type":"message","room":"general","content":"Hello!"}"#;
    client.send_text(command).await;
    client.ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#).await;
    other.next_text().await;
    let after = server.get(&format!("/api/connections/{id}")).await;
    let grown = |field: &str| after[field].as_u64().unwrap() - before[field].as_u64().unwrap();
    assert_eq!(grown("messages_in"), 2);
    assert_eq!(grown("bytes_in"), command.len() as u64 + 15);
    assert_eq!(grown("messages_out"), 1);
    assert_eq!(grown("bytes_out"), 17);
    assert_eq!(
        (&after["queued_messages"], &after["queued_bytes"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn what_waits_for_a_client_that_does_not_read_is_counted() {
    let server = TestServer::start_default().await;
    let mut lazy = server.connect().await;
    lazy.subscribe("flood").await;
    let id = server.id_of(&lazy).await;
    let path = format!("/api/connections/{id}");
    // More than the kernel takes for a socket that is not read, less than the outbox.
    let payload = "x".repeat(60_000);
    let mut sent: u64 = 0;
    while server.get(&path).await["queued_bytes"].as_u64().unwrap() < 200_000 {
        server.publish("flood", &payload).await;
        sent += 1;
        assert!(sent < 1000, "nothing waits");
    }
    let shown = server.get(&path).await;
    assert!(shown["queued_messages"].as_u64().unwrap() >= 4, "{shown}");
    // Reading it all empties the queue, and nothing was lost.
    for _ in 0..sent {
        lazy.next_text().await;
    }
    lazy.expect_silence().await;
    let shown = server.get(&path).await;
    assert_eq!(
        (&shown["queued_messages"], &shown["queued_bytes"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn an_operator_closes_a_connection_with_a_reason() {
    let server = TestServer::start_default().await;
    let (mut client, mut neighbour) = (server.connect().await, server.connect().await);
    let id = server.id_of(&client).await;
    let path = format!("/api/connections/{id}");
    let answer = server
        .http(
            "DELETE",
            &format!("{path}?reason=see%20you%20%F0%9F%8D%B5"),
            None,
        )
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(client.expect_close(4000).await, "see you \u{1f375}");
    client.expect_end().await;
    drop(client);
    eventually("the connection's end", async || {
        server.http("GET", &path, None).await.status == 404
    })
    .await;
    server
        .http("DELETE", &path, None)
        .await
        .expect_problem(404, "not_found");
    neighbour.expect_silence().await;
}

#[tokio::test]
async fn a_long_reason_is_cut_at_a_character() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    let id = server.id_of(&client).await;
    let reason = "%C3%A9".repeat(100);
    let path = format!("/api/connections/{id}?reason={reason}");
    assert_eq!(server.http("DELETE", &path, None).await.status, 204);
    // 123 bytes have room for 61 characters of two bytes.
    assert_eq!(client.expect_close(4000).await, "é".repeat(61));
    client.expect_end().await;
}

#[tokio::test]
async fn ids_of_nobody_are_refused() {
    let server = TestServer::start_default().await;
    for method in ["GET", "DELETE"] {
        let response = server.http(method, "/api/connections/5", None).await;
        response.expect_problem(400, "invalid_id");
        let path = "/api/connections/00000000-0000-7000-8000-000000000000";
        server
            .http(method, path, None)
            .await
            .expect_problem(404, "not_found");
    }
}
