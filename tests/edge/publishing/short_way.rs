//! The binary answers `POST /api/events` without its router. The answers must be the router's.

use serde_json::Value;

use crate::support::{Response, TestServer, config, exchange, within};

/// Header lines of every request.
const CLOSE: &str = "Host: a\r\nConnection: close\r\n";

/// Requests to publish, and requests that resemble them.
fn requests() -> Vec<String> {
    let event = r#"{"channel":"a","data":{"n":1}}"#;
    let sized = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let json = "Content-Type: application/json\r\n";
    let post = |rest: &str| format!("POST /api/events HTTP/1.1\r\n{CLOSE}{rest}");
    let publish = |body: &str| post(&format!("{json}{}", sized(body)));
    let chunked = |chunks: &str| post(&format!("{json}Transfer-Encoding: chunked\r\n\r\n{chunks}"));
    let on = |line: &str| format!("{line} HTTP/1.1\r\n{CLOSE}{json}{}", sized(event));
    vec![
        publish(event),
        publish(r#"{"channels":["a","b","a"],"event":"created","data":null}"#),
        publish(r#"{"user":"ann","data":[1]}"#),
        publish(r#"{"broadcast":true,"data":"\ud83d"}"#),
        publish(r#"{"channel":"a","id":"order \"17\" ü","data":1}"#),
        publish(r#"{"channel":"a","id":"order \"17\" ü","data":2}"#),
        publish(r#"{"channel":"$system","data":1}"#),
        publish(r#"{"channel":"a","dta":1}"#),
        publish(r#"{"channel":"a","channel":"b","data":1}"#),
        publish("[]"),
        publish("{"),
        publish(""),
        publish(&format!(
            r#"{{"channel":"a","data":"{}"}}"#,
            "x".repeat(2000)
        )),
        publish(&" ".repeat(5000)),
        chunked(&format!("{:x}\r\n{event}\r\n0\r\n\r\n", event.len())),
        chunked("1\r\n{\r\n0\r\n\r\n"),
        chunked("nonsense\r\n"),
        chunked("5\r\n{}\r\n0\r\n\r\n"),
        post(&format!("{json}Content-Encoding: gzip\r\n{}", sized(event))),
        post(&format!(
            "{json}Content-Encoding: identity\r\n{}",
            sized(event)
        )),
        post(&format!("{json}Content-Length: 5000\r\n\r\n{event}")),
        post(&format!(
            "{json}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
        )),
        format!("POST /api/events HTTP/1.1\r\n{json}{}", sized(event)),
        post(&sized(event)),
        post(&format!("Content-Type: text/plain\r\n{}", sized(event))),
        post(&format!(
            "Content-Type: APPLICATION/JSON ; charset=utf-8\r\n{}",
            sized(event)
        )),
        post(&format!("{json}Expect: 100-continue\r\n{}", sized(event))),
        format!("POST /api/events HTTP/1.0\r\n{json}{}", sized(event)),
        on("POST /api/events?debug=1"),
        on("POST /api/events?"),
        on("POST http://a/api/events"),
        on("POST /api/events/"),
        on("POST //api/events"),
        on("POST /api/%65vents"),
        on("POST /API/EVENTS"),
        on("PUT /api/events"),
        on("GET /api/events"),
        on("HEAD /api/events"),
        on("OPTIONS /api/events"),
    ]
}

/// The answer without what differs between two events, and the order of its headers.
fn comparable(answer: &Response) -> (Vec<String>, Result<Value, String>) {
    let lines = answer.head.lines();
    let lines = lines.filter(|line| !line.starts_with("date:"));
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines.sort_unstable();
    let mut body = serde_json::from_str(&answer.body).map_err(|_| answer.body.clone());
    if let Ok(Value::Object(members)) = &mut body {
        assert_eq!(members.contains_key("id"), answer.status == 200);
        if let Some(Value::String(id)) = members.get_mut("id")
            && id.starts_with("evt_")
        {
            *id = format!("{} characters", id.len());
        }
        if let Some(Value::String(at)) = members.get_mut("timestamp") {
            *at = format!("{} characters", at.len());
        }
    }
    (lines, body)
}

/// The final answer.
async fn answer(server: &TestServer, request: &str) -> Response {
    let first = exchange(server.address, request.as_bytes()).await;
    match first.status {
        100 => Response::parse(&first.body),
        _ => first,
    }
}

#[tokio::test]
async fn every_answer_is_that_of_the_router() {
    let small = || config(|config| config.publish.max_body_size = 4096);
    let short = TestServer::start(small()).await;
    let server = TestServer::start(small()).await.server.clone();
    let all_routes = server.router();
    let routed = TestServer::start_behind(server, all_routes).await;
    let mut published = 0;
    for request in requests() {
        let (one, other) = (
            answer(&short, &request).await,
            answer(&routed, &request).await,
        );
        assert_eq!(comparable(&one), comparable(&other), "{request}");
        published += usize::from(one.status == 200);
    }
    assert_eq!(published, 15, "the requests are not all refused");
    for server in [&short, &routed] {
        within("the drain", server.server.drain()).await;
    }
    let request = &requests()[0];
    let (one, other) = (
        answer(&short, request).await,
        answer(&routed, request).await,
    );
    assert_eq!(
        one.expect_problem(503, "draining"),
        other.expect_problem(503, "draining")
    );
    assert_eq!(comparable(&one), comparable(&other));
    assert_eq!(one.header("connection"), Some("close"));
}
