//! Reading the history over WebSocket and HTTP.

use serde_json::{Value, json};

use crate::support::{TestServer, publish_offsets, with_history, without_history};

fn offsets(page: &Value) -> Vec<u64> {
    let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
    items
        .iter()
        .map(|item| item["offset"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn pages_go_in_both_directions_and_hold_what_was_delivered() {
    let server = TestServer::start(with_history(8)).await;
    let mut client = server.connect().await;
    client
        .ask(
            r#"{"type":"subscribe","channel":"a/b","positions":false}"#,
            r#"{"type":"subscribed","channel":"a/b"}"#,
        )
        .await;
    publish_offsets(&server, "a/b", 1..=10).await;
    for _ in 1..=10 {
        client.next_json().await;
    }
    let newest = server.get("/api/channels/a%2Fb/history?limit=3").await;
    assert_eq!(
        (offsets(&newest), &newest["more"]),
        (vec![8, 9, 10], &json!(true))
    );
    assert_eq!(newest["offset"], 10);
    assert_eq!(newest["channel"], "a/b");
    let item = &newest["items"][2];
    assert_eq!(
        (&item["type"], &item["data"]["message"]),
        (&json!("event"), &json!("10"))
    );
    let before = server
        .get("/api/channels/a%2Fb/history?limit=9&before=8")
        .await;
    assert_eq!(
        (offsets(&before), &before["more"]),
        (vec![3, 4, 5, 6, 7], &json!(false))
    );
    let after = server
        .get("/api/channels/a%2Fb/history?limit=2&after=4")
        .await;
    assert_eq!(
        (offsets(&after), &after["more"]),
        (vec![5, 6], &json!(true))
    );
    client
        .send_text(r#"{"type":"history","channel":"a/b","limit":2,"after":4,"id":"h"}"#)
        .await;
    let mut over_websocket = client.next_json().await;
    assert_eq!(
        over_websocket.as_object_mut().unwrap().remove("id"),
        Some(json!("h"))
    );
    assert_eq!(over_websocket, after);
}

#[tokio::test]
async fn the_size_of_a_page_is_bounded_in_bytes() {
    let server = TestServer::start(with_history(100)).await;
    let large = "x".repeat(50_000);
    for _ in 0..10 {
        server.publish("large", &large).await;
    }
    let page = server.get("/api/channels/large/history").await;
    assert_eq!(
        (offsets(&page), &page["more"]),
        (vec![6, 7, 8, 9, 10], &json!(true))
    );
    let page = server.get("/api/channels/large/history?after=0").await;
    assert_eq!(
        (offsets(&page), &page["more"]),
        (vec![1, 2, 3, 4, 5], &json!(true))
    );
}

/// A page that is larger than the outbox would evict the client that asks for it, each time.
#[tokio::test]
async fn a_page_over_a_connection_fits_its_outbox() {
    let mut small = with_history(100);
    small.outbox.bytes = 128 * 1024;
    let server = TestServer::start(small).await;
    for _ in 0..20 {
        server.publish("large", &"x".repeat(10_000)).await;
    }
    let mut client = server.connect().await;
    client
        .send_text(r#"{"type":"history","channel":"large"}"#)
        .await;
    let page = client.next_json().await;
    assert_eq!(
        (offsets(&page), &page["more"]),
        (vec![18, 19, 20], &json!(true))
    );
}

#[tokio::test]
async fn channels_for_everybody_keep_no_history() {
    let server = TestServer::start(with_history(8)).await;
    server.publish("$all", "to everybody").await;
    let mut client = server.connect().await;
    for channel in ["$all", "$system"] {
        let command = json!({"type": "history", "channel": channel});
        client.send_text(&command.to_string()).await;
        let answer = client.next_json().await;
        assert_eq!(
            (&answer["code"], &answer["channel"]),
            (&json!("no_history"), &json!(channel))
        );
        let path = format!("/api/channels/{channel}/history");
        let response = server.http("GET", &path, None).await;
        response.expect_problem(409, "no_history");
    }
}

#[tokio::test]
async fn only_members_read_a_room_over_their_connection() {
    let server = TestServer::start(with_history(8)).await;
    let mut anna = server.connect().await;
    anna.ask(
        r#"{"type":"history","room":"general"}"#,
        r#"{"type":"error","code":"not_in_room","message":"Not in room","room":"general"}"#,
    )
    .await;
    anna.join("general", 1).await;
    anna.say("general", "hello").await;
    anna.send_text(r#"{"type":"history","room":"general"}"#)
        .await;
    let page = anna.next_json().await;
    assert_eq!(page["room"], "general");
    assert_eq!(
        (&page["items"][0]["content"], &page["items"][0]["offset"]),
        (&json!("hello"), &json!(1))
    );
    assert_eq!(
        offsets(&server.get("/api/rooms/general/history").await),
        [1]
    );
}

#[tokio::test]
async fn invalid_requests_for_history_are_refused() {
    let server = TestServer::start(with_history(8)).await;
    let limit = "`limit` must be 1 to 1000";
    let both = "only one of `before` and `after` is allowed";
    let control = "must not contain control characters";
    for (path, code, detail) in [
        ("channels/a/history?limit=0", "invalid_query", limit),
        (
            "channels/a/history?limit=1001&after=1",
            "invalid_query",
            limit,
        ),
        ("channels/a/history?before=1&after=1", "invalid_query", both),
        (
            "channels/a/history?before=x",
            "invalid_query",
            "`before` must be a whole number",
        ),
        (
            "channels/a/history?since=1",
            "invalid_query",
            "unknown field",
        ),
        ("channels/%07/history", "invalid_channel", control),
        ("rooms/%07/history", "invalid_room", control),
    ] {
        let response = server.http("GET", &format!("/api/{path}"), None).await;
        assert_eq!(response.status, 400, "{path}");
        let problem = response.json();
        assert_eq!(problem["code"], code, "{path}");
        let shown = problem["detail"].as_str().expect("a detail");
        assert!(shown.contains(detail), "{path}: {shown}");
        // One refusal is about one parameter.
        assert_eq!(shown.contains("limit` must"), detail == limit, "{path}");
    }
    let without_history = TestServer::start(without_history()).await;
    let response = without_history
        .http("GET", "/api/channels/a/history", None)
        .await;
    assert_eq!(
        (response.status, &response.json()["code"]),
        (409, &json!("no_history"))
    );
    let nothing = server.get("/api/channels/a/history").await;
    assert_eq!(
        (&nothing["offset"], &nothing["items"]),
        (&json!(0), &json!([]))
    );
}
