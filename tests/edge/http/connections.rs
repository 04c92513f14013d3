//! One connection in the API: what it shows, and how an operator closes it.

use serde_json::{Value, json};

use crate::support::{TestServer, eventually};

#[tokio::test]
async fn a_connection_shows_its_rooms_channels_and_traffic() {
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

    // In: a message of 54 bytes and a ping of 15. Out: a pong of 15 bytes with a header of two.
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
async fn messages_queued_for_a_client_that_does_not_read_are_counted() {
    let server = TestServer::start_default().await;
    let mut lazy = server.connect().await;
    lazy.subscribe("flood").await;
    let id = server.id_of(&lazy).await;
    let path = format!("/api/connections/{id}");
    // More than the kernel buffers for a socket that nobody reads, less than the outbox.
    let payload = "x".repeat(60_000);
    let mut sent: u64 = 0;
    while server.get(&path).await["queued_bytes"].as_u64().unwrap() < 200_000 {
        server.publish("flood", &payload).await;
        sent += 1;
        assert!(sent < 1000, "nothing is queued");
    }
    let shown = server.get(&path).await;
    assert!(shown["queued_messages"].as_u64().unwrap() >= 4, "{shown}");
    // The client reads everything: the queue is empty, and nothing was lost.
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
async fn a_long_reason_is_cut_between_characters() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    let id = server.id_of(&client).await;
    let reason = "%C3%A9".repeat(100);
    let path = format!("/api/connections/{id}?reason={reason}");
    assert_eq!(server.http("DELETE", &path, None).await.status, 204);
    // At most 123 bytes, which is 61 characters of two bytes.
    assert_eq!(client.expect_close(4000).await, "é".repeat(61));
    client.expect_end().await;
}

#[tokio::test]
async fn invalid_and_unknown_ids_are_refused() {
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
