//! Publishing many events in one request.

use serde_json::{Value, json};

use crate::support::{TestServer, config};

#[tokio::test]
async fn a_batch_is_published_in_its_order() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    let batch = json!({"events": [
        {"channel": "a", "id": "1", "data": 1},
        {"broadcast": true, "id": "2", "data": 2},
        {"channel": "nobody", "id": "3", "data": 3},
        {"channel": "a", "id": "4", "data": 4},
    ]});
    let answer = server.post("/api/events/batch", &batch).await.json();
    let events = answer["events"].as_array().unwrap();
    let pairs: Vec<Value> = events
        .iter()
        .map(|event| json!([event["id"], event["subscribers"]]))
        .collect();
    assert_eq!(
        json!(pairs),
        json!([["1", 1], ["2", 1], ["3", 0], ["4", 1]])
    );
    for id in ["1", "2", "4"] {
        assert_eq!(client.next_json().await["data"]["id"], id);
    }
    client.expect_silence().await;
    let empty = server
        .post("/api/events/batch", &json!({"events": []}))
        .await;
    assert_eq!(empty.json(), json!({"events": []}));
}

#[tokio::test]
async fn a_batch_is_checked_before_any_of_it_is_published() {
    let server = TestServer::start(config(|config| config.max_message_size = 1000)).await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    let good = json!({"channel": "a", "data": 1});
    let thousand_and_one = vec![good.clone(); 1001];
    let cases = [
        (
            json!({"events": [good, {"channel": "", "data": 1}]}),
            400,
            "invalid_channel",
            "events[1]",
        ),
        (
            json!({"events": [good, 7]}),
            400,
            "invalid_command",
            "events[1]",
        ),
        (
            json!({"events": [good, good, {"channel": "a"}]}),
            400,
            "missing_field",
            "events[2]",
        ),
        (
            json!({"events": [good, {"channel": "$system", "data": 1}]}),
            403,
            "forbidden",
            "events[1]",
        ),
        (
            json!({"events": [good, {"channel": "a", "data": "x".repeat(1000)}]}),
            413,
            "message_too_large",
            "events[1]",
        ),
        (json!({"events": good}), 400, "missing_field", "events"),
        (json!([good]), 400, "missing_field", "events"),
        (
            json!({"events": thousand_and_one}),
            400,
            "invalid_command",
            "1000",
        ),
    ];
    for (body, status, code, place) in cases {
        let detail = server
            .post("/api/events/batch", &body)
            .await
            .expect_problem(status, code);
        assert!(detail.contains(place), "{detail}");
    }
    client.expect_silence().await;
}
