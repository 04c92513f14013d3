//! Payloads arrive as they were published.

use crate::support::{
    Client, EventSource, Response, TestServer, post_text, with_history, without_history,
};

/// JSON texts, each as long as it should arrive.
const TEXTS: [&str; 12] = [
    "36893488147419103232",
    "-0",
    "1e5",
    "1E400",
    "0.10000000000000000000000000000000000000000000000000001",
    r#""cut \ud83d""#,
    r#""\u0041\/\"\\\t""#,
    "[ 1 , 2 ]",
    r#"{"b":1,"a":2,"b":3}"#,
    "{\"spaced\" : [\t1 ,2 ] }",
    r#"{"\ud83d":{"data":{"data":1}},"channel":7}"#,
    "{}",
];

async fn post(server: &TestServer, path: &str, body: &str) -> Response {
    let json = "Content-Type: application/json\r\n";
    post_text(server.address, path, json, body).await
}

/// Publishes an event and returns its timestamp.
async fn publish(server: &TestServer, data: &str) -> String {
    let body = format!(r#"{{"channel":"any","data":{data}}}"#);
    let answer = post(server, "/api/events", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["timestamp"].as_str().unwrap().to_owned()
}

/// The `data` of the next event, as text.
async fn next_data(client: &mut Client) -> String {
    let text = client.next_text().await;
    let data = text.strip_prefix(r#"{"type":"event","channel":"any","data":"#);
    data.and_then(|data| data.strip_suffix('}'))
        .unwrap_or_else(|| panic!("{text}"))
        .to_owned()
}

/// What an event's data looks like: the server's members, then the publisher's.
fn expected(head: &str, data: &str) -> String {
    match data.strip_prefix('{') {
        Some("}") => format!("{{{head}}}"),
        Some(members) => format!("{{{head},{members}"),
        None => format!("{{{head},\"value\":{data}}}"),
    }
}

#[tokio::test]
async fn data_arrives_byte_for_byte() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("any").await;
    for (at, data) in TEXTS.into_iter().enumerate() {
        let body = format!(r#"{{"id":"e-{at}","channel":"any","data":{data}}}"#);
        let answer = post(&server, "/api/events", &body).await;
        assert_eq!(answer.status, 200, "{data}: {}", answer.body);
        let answer = answer.json();
        let (id, timestamp) = (answer["id"].as_str().unwrap(), &answer["timestamp"]);
        let head = format!(r#""id":"{id}","timestamp":{timestamp}"#);
        assert_eq!(next_data(&mut client).await, expected(&head, data));
    }
}

#[tokio::test]
async fn a_batch_and_a_history_keep_data_as_it_was_sent() {
    let server = TestServer::start(with_history(100)).await;
    let mut client = server.connect().await;
    client.subscribe("any").await;
    let event = |(at, data)| format!(r#"{{"channel":"any","id":"e-{at}","data":{data}}}"#);
    let events: Vec<String> = TEXTS.into_iter().enumerate().map(event).collect();
    let body = format!("{{\"events\":[{}]}}", events.join(" ,\n"));
    let answer = post(&server, "/api/events/batch", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut delivered = Vec::new();
    for _ in TEXTS {
        delivered.push(client.next_text().await);
    }
    for (data, text) in TEXTS.iter().zip(&delivered) {
        let kept = data.strip_prefix('{').unwrap_or(data);
        assert!(text.contains(kept), "{text}");
    }
    let history = server.http("GET", "/api/channels/any/history", None).await;
    for (at, text) in delivered.iter().enumerate() {
        let item = format!("{},\"offset\":{}}}", &text[..text.len() - 1], at + 1);
        assert!(history.body.contains(&item), "{item}\n{}", history.body);
    }
    let mut late = server.connect().await;
    late.send_text(r#"{"type":"subscribe","channel":"any","last":100}"#)
        .await;
    late.next_text().await;
    for (at, text) in delivered.iter().enumerate() {
        let replayed = format!("{},\"offset\":{}}}", &text[..text.len() - 1], at + 1);
        late.expect_text(&replayed).await;
    }
    // A retry is still the same event.
    let again = post(&server, "/api/events/batch", &body).await;
    assert_eq!(again.body, answer.body);
    client.expect_silence().await;
}

#[tokio::test]
async fn depth_and_length_are_limited_by_the_size_of_a_message_only() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("any").await;
    for depth in [80, 5_000, 32_000] {
        let data = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        publish(&server, &data).await;
        assert!(
            next_data(&mut client)
                .await
                .ends_with(&format!(":{data}}}"))
        );
    }
    // The largest body.
    let half = (1024 * 1024 - r#"{"channel":"any","data":}"#.len()) / 2;
    for (open, close, status, code) in [
        ("[", "]", 413, "message_too_large"),
        ("[", " ", 400, "invalid_json"),
    ] {
        let data = format!("{}{}", open.repeat(half), close.repeat(half));
        let body = format!(r#"{{"channel":"any","data":{data}}}"#);
        let answer = post(&server, "/api/events", &body).await;
        answer.expect_problem(status, code);
    }
    client.expect_silence().await;
}

#[tokio::test]
async fn the_publishers_own_id_and_timestamp_stay() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("any").await;
    for own in [
        r#"{"timestamp":1700000000,"id":{"order":7}}"#,
        r#"{ "x":1, "\u0069d":null, "time\u0073tamp":[] }"#,
    ] {
        publish(&server, own).await;
        assert_eq!(next_data(&mut client).await, own);
    }
    let timestamp = publish(&server, r#"{"x":1,"id":"o-17"}"#).await;
    assert_eq!(
        next_data(&mut client).await,
        format!(r#"{{"timestamp":"{timestamp}","x":1,"id":"o-17"}}"#)
    );
    let body = r#"{"channel":"any","id":"key","data":{"timestamp":false,"x":{"id":1}}}"#;
    post(&server, "/api/events", body).await;
    assert_eq!(
        next_data(&mut client).await,
        r#"{"id":"key","timestamp":false,"x":{"id":1}}"#
    );
}

#[tokio::test]
async fn an_event_stream_splits_a_payload_into_lines() {
    let server = TestServer::start(without_history()).await;
    let mut source = EventSource::subscribe(server.address, &["any"]).await;
    let mut websocket = server.connect().await;
    websocket.subscribe("any").await;
    publish(&server, "{\"a\":\n[1,\r\n2\r]\n}").await;
    let sent = websocket.next_text().await;
    assert!(sent.ends_with(",\"a\":\n[1,\r\n2\r]\n}}"), "{sent}");
    // A browser joins the lines by line feeds.
    let lines = sent.replace("\r\n", "\n\n").replace('\r', "\n");
    assert_eq!(source.next_text().await, lines);
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("any").await;
    for data in [
        "",
        "01",
        "1.",
        "+1",
        "0 1",
        "NaN",
        "'a'",
        "{a:1}",
        "[1,]",
        "{\"a\":1,}",
        "\"\n\"",
        "\"\\x\"",
        "[1}",
        "1}",
        "\u{feff}1",
    ] {
        let body = format!(r#"{{"channel":"any","data":{data}}}"#);
        let answer = post(&server, "/api/events", &body).await;
        answer.expect_problem(400, "invalid_json");
    }
    client.expect_silence().await;
}

#[tokio::test]
async fn a_misspelt_or_repeated_field_is_refused_and_null_is_absent() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("any").await;
    for (path, body, code, detail) in [
        (
            "/api/events",
            r#"{"channel":"any","evnet":"x","data":1}"#,
            "unknown_field",
            "unknown field `evnet`; did you mean `event`?",
        ),
        (
            "/api/events/batch",
            r#"{"events":[{"channel":"any","data":1},{"channel":"any","ids":"x","data":1}]}"#,
            "unknown_field",
            "events[1]: unknown field `ids`; did you mean `id`?",
        ),
        (
            "/api/events",
            r#"{"channel":"any","data":1,"d\u0061ta":2}"#,
            "invalid_command",
            "field `data` is repeated",
        ),
    ] {
        let answer = post(&server, path, body).await;
        assert_eq!(answer.expect_problem(400, code), detail);
    }
    client.expect_silence().await;
    let nulls = r#"{"channel":"any","channels":null,"user":null,"broadcast":null,"id":null,"event":null,"data":null}"#;
    let answer = post(&server, "/api/events", nulls).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(next_data(&mut client).await.ends_with(",\"value\":null}"));
}
