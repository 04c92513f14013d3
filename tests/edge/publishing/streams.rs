//! Publishing a stream of events with one request.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use wavecast::policy::{Decision, Edit, ErrorCode, Policy, Publish};
use wavecast::{Identity, UserId, WebSocketServer};

use crate::support::{
    EventLines, TestServer, config, dial, exchange, large_outboxes, post_text, read_head, request,
    within,
};

const PATH: &str = "/api/events/stream";
const NDJSON: &str = "Content-Type: application/x-ndjson\r\n";

/// The lines of an answer.
fn lines(body: &str) -> Vec<Value> {
    let lines = body.lines().map(serde_json::from_str);
    lines.map(|line| line.expect("JSON")).collect()
}

/// Sends all lines with a known length. The lines of the answer.
async fn post(server: &TestServer, query: &str, body: &str) -> Vec<Value> {
    // HTTP/1.0, because the answer to it is not chunked.
    let length = body.len();
    let text = format!(
        "POST {PATH}{query} HTTP/1.0\r\nHost: localhost\r\n{NDJSON}\
         Content-Length: {length}\r\n\r\n{body}"
    );
    let answer = exchange(server.address, text.as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    lines(&answer.body)
}

#[tokio::test]
async fn each_line_is_answered_while_the_request_goes_on() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("news").await;
    let mut stream = EventLines::open(server.address, "").await;
    for number in 0..3 {
        let event = json!({"channel": "news", "id": format!("id-{number}"), "data": number});
        stream.send_event(&event).await;
        let answer = stream.next().await;
        assert_eq!(answer["id"], format!("id-{number}"));
        assert_eq!(answer["subscribers"], 1);
        assert_eq!(client.next_event("news").await["value"], number);
    }
    stream
        .send_event(&json!({"broadcast": true, "data": 1}))
        .await;
    stream.expect_published(1).await;
    stream.finish().await;
    stream.expect_end().await;
    // The connection is free for other requests.
    let next = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.stream.write_all(next).await.expect("send");
    let head = read_head(&mut stream.stream).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[tokio::test]
async fn an_answer_is_the_object_that_a_single_event_gets() {
    let server = TestServer::start_default().await;
    let event = r#"{"channel":"a","id":"same","data":1}"#;
    let headers = "Content-Type: application/json\r\n";
    let single = post_text(server.address, "/api/events", headers, event).await;
    let mut stream = EventLines::open(server.address, "").await;
    stream.send(format!("{event}\n")).await;
    // A retry, so that the time is the same too.
    assert_eq!(stream.next().await.to_string(), single.json().to_string());
}

#[tokio::test]
async fn a_refused_line_is_answered_with_its_number_and_the_next_one_is_published() {
    let server = TestServer::start(config(|config| {
        config.publish.max_body_size = 1000;
        config.max_message_size = 500;
    }))
    .await;
    let mut client = server.connect().await;
    client.subscribe("a").await;
    let good = json!({"channel": "a", "data": "good"}).to_string();
    let long_message = json!({"channel": "a", "data": "x".repeat(500)}).to_string();
    let cases: [(&[u8], &str); 10] = [
        (b"nope", "invalid_json"),
        (b"{\"channel\":\"a\",\"data\":\"\xff\"}", "invalid_json"),
        (
            br#"{"channel":"a","data":1}{"channel":"a","data":2}"#,
            "invalid_json",
        ),
        (b"[]", "invalid_command"),
        (br#"{"channel":"a"}"#, "missing_field"),
        (br#"{"channel":"","data":1}"#, "invalid_channel"),
        (br#"{"channel":"$system","data":1}"#, "forbidden"),
        (br#"{"channel":"a","data":1,"idd":"x"}"#, "unknown_field"),
        (long_message.as_bytes(), "message_too_large"),
        (&[b' '; 1001], "message_too_large"),
    ];
    let mut stream = EventLines::open(server.address, "").await;
    let mut number = 1;
    for (text, code) in cases {
        // A blank line counts and is not answered.
        stream
            .send([text, b"\n\r\n", good.as_bytes(), b"\r\n"].concat())
            .await;
        stream.expect_refused(number, code).await;
        stream.expect_published(1).await;
        assert_eq!(client.next_event("a").await["value"], "good");
        number += 3;
    }
    // A name that is refused may be as long as a line, what is repeated of it is not.
    let name = json!({"channel": "\u{7f}".repeat(900), "data": 1});
    stream.send_event(&name).await;
    let detail = stream.expect_refused(number, "invalid_channel").await;
    assert!(detail.chars().count() < 500, "{detail}");
}

#[tokio::test]
async fn with_a_known_length_and_without_a_last_newline_it_is_the_same() {
    let server = TestServer::start_default().await;
    let event = |id: &str| json!({"channel": "a", "id": id, "data": 1}).to_string();
    let body = format!("{}\n\n{}\r\n7\n{}", event("1"), event("2"), event("4"));
    let answers = post(&server, "", &body).await;
    let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(ids, [&json!("1"), &json!("2"), &Value::Null, &json!("4")]);
    assert_eq!(
        answers[2],
        json!({"error": {"code": "invalid_command", "detail": "the body must be a JSON object", "line": 4}})
    );
    for empty in ["", "\n", " \r\n\t\n"] {
        assert!(post(&server, "", empty).await.is_empty());
    }
}

#[tokio::test]
async fn with_answers_errors_only_refusals_and_the_totals_are_answered() {
    let server = TestServer::start_default().await;
    let good = json!({"channel": "a", "data": 1}).to_string();
    let mut stream = EventLines::open(server.address, "?answers=errors").await;
    stream.send(format!("{good}\n{good}\nnope\n{good}\n")).await;
    stream.expect_refused(3, "invalid_json").await;
    stream.send("7\n").await;
    stream.expect_refused(5, "invalid_command").await;
    // More than are answered together.
    stream.send(format!("{good}\n").repeat(3000)).await;
    stream.finish().await;
    assert_eq!(stream.next().await, json!({"published": 3003, "failed": 2}));
    stream.expect_end().await;
    let nothing = post(&server, "?answers=errors", "").await;
    assert_eq!(nothing, [json!({"published": 0, "failed": 0})]);
    let all = post(&server, "?answers=all", &good).await;
    assert_eq!(all[0]["subscribers"], 0);
}

#[tokio::test]
async fn a_request_that_is_not_a_stream_is_refused_before_it_begins() {
    let server = TestServer::start_default().await;
    let address = server.address;
    for headers in [
        "",
        "Content-Type: application/json\r\n",
        "Content-Type: text/plain\r\n",
    ] {
        let refused = post_text(address, PATH, headers, "{}").await;
        let detail = refused.expect_problem(415, "unsupported_media_type");
        assert!(detail.contains("application/x-ndjson"), "{detail}");
    }
    for headers in [
        "Content-Type: APPLICATION/X-NDJSON\r\n",
        "Content-Type: application/x-ndjson; charset=utf-8\r\n",
    ] {
        assert_eq!(post_text(address, PATH, headers, "").await.status, 200);
    }
    for query in [
        "?answers=some",
        "?answers",
        "?answer=errors",
        "?answers=all&answers=errors",
    ] {
        let refused = post_text(address, &format!("{PATH}{query}"), NDJSON, "").await;
        refused.expect_problem(400, "invalid_query");
    }
    for method in ["GET", "PUT", "DELETE"] {
        let refused = request(address, method, PATH, None).await;
        refused.expect_problem(405, "method_not_allowed");
    }
    server.server.node().begin_drain();
    let refused = post_text(address, PATH, NDJSON, "").await;
    refused.expect_problem(503, "draining");
}

#[tokio::test]
async fn events_arrive_in_the_order_of_their_lines_and_an_id_only_once() {
    const EVENTS: usize = 1000;
    let server = TestServer::start(large_outboxes()).await;
    let mut clients = server.connect_many(2).await;
    for client in &mut clients {
        client.subscribe("a").await;
        client.subscribe("b").await;
    }
    let mut stream = EventLines::open(server.address, "?answers=errors").await;
    let mut text = String::new();
    for number in 0..EVENTS {
        let channels = if number % 2 == 0 {
            json!(["a", "b"])
        } else {
            json!(["b", "a"])
        };
        let event = json!({"channels": channels, "id": number.to_string(), "data": number});
        // The second is a retry.
        text.push_str(&[event.to_string(), event.to_string(), String::new()].join("\n"));
    }
    // In pieces that end anywhere.
    for piece in text.as_bytes().chunks(7919) {
        stream.send(piece).await;
    }
    stream.finish().await;
    assert_eq!(
        stream.next().await,
        json!({"published": 2 * EVENTS, "failed": 0})
    );
    for client in &mut clients {
        let mut next = [0, 0];
        for _ in 0..2 * EVENTS {
            let event = client.next_json().await;
            let topic = usize::from(event["channel"] == "b");
            assert_eq!(event["data"]["value"], next[topic], "{event}");
            next[topic] += 1;
        }
        assert_eq!(next, [EVENTS, EVENTS]);
    }
}

/// What comes before the body of a publisher that waits for an invitation.
const EXPECTING: &str = "POST /api/events/stream HTTP/1.1\r\nHost: localhost\r\n\
    Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\
    Expect: 100-continue\r\n\r\n";

async fn expect_invitation(address: SocketAddr) {
    let mut stream = dial(address).await;
    stream.write_all(EXPECTING.as_bytes()).await.expect("send");
    let head = read_head(&mut stream).await;
    assert_eq!(head, "HTTP/1.1 100 Continue\r\n");
    let mut stream = EventLines::begun(stream);
    stream.expect_head().await;
    stream.send_event(&json!({"channel": "a", "data": 1})).await;
    stream.expect_published(0).await;
    stream.finish().await;
    stream.expect_end().await;
}

#[tokio::test]
async fn a_publisher_that_expects_100_continue_gets_it() {
    let server = TestServer::start_default().await;
    expect_invitation(server.address).await;
    let refusable = EXPECTING.replace("x-ndjson", "json");
    let mut stream = dial(server.address).await;
    stream.write_all(refusable.as_bytes()).await.expect("send");
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 415"), "{head}");
}

#[tokio::test]
async fn under_axum_serve_it_works_as_well() {
    let server = Arc::new(WebSocketServer::new(config(|_| {})));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = listener.local_addr().expect("an address");
    let router = server.router();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await });
    expect_invitation(address).await;
    let mut stream = EventLines::open(address, "").await;
    for line in 1..4 {
        stream
            .send_event(&json!({"channel": "a", "data": line}))
            .await;
        stream.expect_published(0).await;
    }
    stream.send("half a li").await;
    let (left, ()) = tokio::join!(within("the drain", server.drain()), stream.expect_end());
    assert_eq!(left, 0);
}

/// Lets only Ada publish, and only to `a`.
struct AdaToA;

impl Policy for AdaToA {
    fn publish<'a>(&'a self, asked: Publish<'a>) -> Decision<'a, Edit> {
        let user = asked.publisher.and_then(Identity::user);
        let is_a = format!("{:?}", asked.target).contains("\"a\"");
        if user.map(UserId::as_str) == Some("ada") && is_a {
            return Decision::allow();
        }
        Decision::refuse(ErrorCode::Forbidden)
    }
}

#[tokio::test]
async fn the_policy_is_asked_about_each_line() {
    let builder = WebSocketServer::builder(config(|_| {})).policy(AdaToA);
    let server = Arc::new(builder.build().expect("a server"));
    let ada = Identity::new(UserId::new("ada").expect("a name"));
    let router = server.router().layer(Extension(ada));
    let server = TestServer::start_behind(server, router).await;
    let mut stream = EventLines::open(server.address, "").await;
    for (line, channel) in (1..).zip(["a", "b", "a"]) {
        stream
            .send_event(&json!({"channel": channel, "data": 1}))
            .await;
        match channel {
            "a" => stream.expect_published(0).await,
            _ => drop(stream.expect_refused(line, "forbidden").await),
        }
    }
}
