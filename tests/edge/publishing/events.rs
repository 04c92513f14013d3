//! Publishing one event over HTTP.

use serde_json::json;

use crate::support::{TestServer, config, post_text};

#[tokio::test]
async fn publishing_answers_with_the_events_id_and_its_subscribers() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("notifications").await;
    let event = json!({"channel": "notifications", "data": {"message": "New"}});
    let response = server.post("/api/events", &event).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/json"));
    let accepted = response.json();
    assert_eq!(accepted.as_object().unwrap().len(), 3, "{accepted}");
    assert!(accepted["id"].as_str().unwrap().starts_with("evt_"));
    assert!(accepted["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(accepted["subscribers"], 1);
    let data = &client.next_json().await["data"];
    assert_eq!(
        (&data["id"], &data["timestamp"]),
        (&accepted["id"], &accepted["timestamp"])
    );
}

#[tokio::test]
async fn the_publishers_id_and_event_name_are_kept() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("orders").await;
    let event = json!({
        "channel": "orders", "id": "order-17", "event": "order.created",
        "data": {"total": 9.5},
    });
    let accepted = server.post("/api/events", &event).await.json();
    assert_eq!(accepted["id"], "order-17");
    let timestamp = accepted["timestamp"].as_str().unwrap();
    client
        .expect_text(&format!(
            r#"{{"type":"event","channel":"orders","event":"order.created","data":{{"id":"order-17","timestamp":"{timestamp}","total":9.5}}}}"#
        ))
        .await;
}

#[tokio::test]
async fn data_that_is_not_an_object_is_wrapped_as_value() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("any").await;
    for data in [
        json!(null),
        json!(1),
        json!("text \u{1f375}"),
        json!([1, {"a": 2}]),
        json!(true),
    ] {
        server
            .post("/api/events", &json!({"channel": "any", "data": data}))
            .await;
        let event = client.next_json().await;
        assert_eq!(event["data"].as_object().unwrap().len(), 3);
        assert_eq!(event["data"]["value"], data);
    }
}

#[tokio::test]
async fn one_event_for_many_channels_goes_to_each_once() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    client.subscribe("b").await;
    let event = json!({"channels": ["b", "a", "b", "nobody"], "data": 1});
    let accepted = server.post("/api/events", &event).await.json();
    assert_eq!(accepted["subscribers"], 2);
    for channel in ["b", "a"] {
        let event = client.next_json().await;
        assert_eq!(
            (&event["channel"], &event["data"]["id"]),
            (&json!(channel), &accepted["id"])
        );
    }
    client.expect_silence().await;
}

#[tokio::test]
async fn invalid_events_are_refused() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    let many: Vec<String> = (0..1001).map(|at| at.to_string()).collect();
    let cases = [
        (json!([]), 400, "invalid_command"),
        (json!({}), 400, "missing_field"),
        (json!({"channel": "a"}), 400, "missing_field"),
        (json!({"data": 1}), 400, "missing_field"),
        (
            json!({"channel": "a", "user": "b", "data": 1}),
            400,
            "invalid_command",
        ),
        (
            json!({"channel": "a", "broadcast": true, "data": 1}),
            400,
            "invalid_command",
        ),
        (json!({"channel": "", "data": 1}), 400, "invalid_channel"),
        (json!({"channel": 5, "data": 1}), 400, "invalid_channel"),
        (
            json!({"channel": "a\nb", "data": 1}),
            400,
            "invalid_channel",
        ),
        (
            json!({"channel": "x".repeat(201), "data": 1}),
            400,
            "invalid_channel",
        ),
        (
            json!({"channel": "$mine", "data": 1}),
            400,
            "invalid_channel",
        ),
        (json!({"channel": "$system", "data": 1}), 403, "forbidden"),
        (json!({"channels": [], "data": 1}), 400, "invalid_channel"),
        (json!({"channels": "a", "data": 1}), 400, "invalid_channel"),
        (
            json!({"channels": ["a", ""], "data": 1}),
            400,
            "invalid_channel",
        ),
        (json!({"channels": many, "data": 1}), 400, "invalid_channel"),
        (json!({"user": "", "data": 1}), 400, "invalid_user"),
        (json!({"user": 7, "data": 1}), 400, "invalid_user"),
        (
            json!({"broadcast": false, "data": 1}),
            400,
            "invalid_command",
        ),
        (
            json!({"channel": "a", "id": "", "data": 1}),
            400,
            "invalid_event",
        ),
        (
            json!({"channel": "a", "id": 5, "data": 1}),
            400,
            "invalid_event",
        ),
        (
            json!({"channel": "a", "id": "x".repeat(201), "data": 1}),
            400,
            "invalid_event",
        ),
        (
            json!({"channel": "a", "event": "a\u{0}", "data": 1}),
            400,
            "invalid_event",
        ),
    ];
    for (body, status, code) in cases {
        println!("body: {body:.200}");
        let response = server.post("/api/events", &body).await;
        assert!(!response.expect_problem(status, code).is_empty());
    }
    for text in ["", "{", "{\"channel\":\"a\",\"data\":1}}", "\u{feff}{}"] {
        let response = post_text(
            server.address,
            "/api/events",
            "Content-Type: application/json\r\n",
            text,
        )
        .await;
        response.expect_problem(400, "invalid_json");
    }
    client.expect_silence().await;
}

#[tokio::test]
async fn an_event_over_the_message_size_limit_is_refused() {
    let server = TestServer::start(config(|config| config.max_message_size = 1000)).await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    let event = |id: &str, size: usize| json!({"channel": "a", "id": id, "data": "x".repeat(size)});
    server.post("/api/events", &event("1", 100)).await;
    let overhead = client.next_text().await.len() - 100;
    assert_eq!(
        server
            .post("/api/events", &event("2", 1000 - overhead))
            .await
            .status,
        200
    );
    assert_eq!(client.next_text().await.len(), 1000);
    let response = server
        .post("/api/events", &event("3", 1001 - overhead))
        .await;
    response.expect_problem(413, "message_too_large");
    client.expect_silence().await;
}
