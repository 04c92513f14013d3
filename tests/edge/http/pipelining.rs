//! Requests that are sent before the responses to earlier ones have come.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::routing::get;
use futures_util::stream::unfold;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::sync::{Mutex, Notify};
use tokio::task::spawn_blocking;
use wavecast::WebSocketServer;

use crate::support::{Client, PING, TestServer, config, frame, read_head, upgrade_request, within};

/// How long an answer may take that waits for nothing. A request has 10 s to be complete.
const AT_ONCE: Duration = Duration::from_secs(5);
/// How long a thread without a runtime waits.
const PATIENCE: Duration = Duration::from_secs(5);

fn post(id: &str) -> String {
    let body = format!(r#"{{"channel":"a","id":"{id}","data":1}}"#);
    let length = body.len();
    format!(
        "POST /api/events HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn get_request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// Reads exactly one response with a `Content-Length`. Its body.
async fn next_body(stream: &mut TcpStream) -> String {
    let head = read_head(stream).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.expect("a length").parse().expect("a number");
    let mut body = vec![0; length];
    let read = within("a body", stream.read_exact(&mut body)).await;
    read.expect("a body");
    String::from_utf8(body).expect("UTF-8")
}

async fn next_id(stream: &mut TcpStream) -> String {
    let body: Value = serde_json::from_str(&next_body(stream).await).expect("JSON");
    body["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_rest_of_the_next_request() {
    let server = TestServer::start_default().await;
    let next = post("next");
    let body_begins = next.find("\r\n\r\n").expect("a head") + 4;
    // Half of a head, a head without its body, half of a body.
    for length in [20, body_begins, body_begins + 5] {
        let mut client = Client::dial(server.address).await;
        let began = Instant::now();
        let sent = [&post("first"), &next[..length]].concat();
        client.send(sent.as_bytes()).await;
        assert_eq!(next_id(client.stream()).await, "first");
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        client.send(&next.as_bytes()[length..]).await;
        assert_eq!(next_id(client.stream()).await, "next");
    }
}

#[tokio::test]
async fn many_pipelined_requests_are_answered_in_their_order() {
    let server = TestServer::start_default().await;
    let mut client = Client::dial(server.address).await;
    let ids: Vec<String> = (0..500).map(|number| format!("id-{number}")).collect();
    let requests: String = ids.iter().map(|id| post(id)).collect();
    client.send(requests.as_bytes()).await;
    for id in &ids {
        assert_eq!(&next_id(client.stream()).await, id);
    }
}

/// What the routes below wait for.
struct App {
    go_on: Notify,
    parts: Mutex<Receiver<Bytes>>,
}

/// `/echo/{text}` answers at once, `/slow` when it is told to, `/stream` with parts as they come.
async fn start(app: &Arc<App>) -> TestServer {
    let server = Arc::new(WebSocketServer::new(config(|_| {})));
    let router = Router::new()
        .route(
            "/slow",
            get(async |State(app): State<Arc<App>>| {
                app.go_on.notified().await;
                "slow"
            }),
        )
        .route(
            "/stream",
            get(async |State(app): State<Arc<App>>| {
                Body::from_stream(unfold(app, async |app| {
                    let part = app.parts.lock().await.recv().await?;
                    Some((Ok::<_, Infallible>(part), app))
                }))
            }),
        )
        .with_state(app.clone())
        .route(
            "/busy",
            get(async || {
                let began = Instant::now();
                while began.elapsed() < Duration::from_millis(200) {
                    std::hint::spin_loop();
                }
                "busy"
            }),
        )
        .route("/echo/{text}", get(async |Path(text): Path<String>| text))
        .merge(server.router());
    TestServer::start_behind(server, router).await
}

fn app(parts: Receiver<Bytes>) -> Arc<App> {
    Arc::new(App {
        go_on: Notify::new(),
        parts: Mutex::new(parts),
    })
}

/// While one of these requests keeps its worker busy, the answers to those before it are not
/// written one by one. The last request makes hyper read on, so its answer may come apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_responses_to_a_pipeline_are_one_write() {
    let server = start(&app(channel(1).1)).await;
    let mut requests: String = (0..9).map(|n| get_request(&format!("/echo/{n}"))).collect();
    requests.push_str(&get_request("/busy"));
    requests.push_str(&get_request("/echo/last"));
    let address = server.address;
    // Not a task: it must not wait for the worker that is busy.
    let reading = spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(requests.as_bytes())?;
        let mut answers = vec![0; 64 * 1024];
        let count = stream.read(&mut answers)?;
        answers.truncate(count);
        Ok::<_, std::io::Error>(answers)
    });
    let answers = within("the answers", reading).await.expect("no panic");
    let answers = String::from_utf8(answers.expect("answers")).expect("UTF-8");
    assert!(
        answers.matches("HTTP/1.1 200 OK").count() >= 10,
        "{answers}"
    );
    for text in (0..9).map(|n| n.to_string()).chain(["busy".to_owned()]) {
        assert!(answers.contains(&format!("\r\n\r\n{text}")), "{answers}");
    }
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_next_one() {
    let app = app(channel(1).1);
    let server = start(&app).await;
    let mut client = Client::dial(server.address).await;
    // With a third one waiting, nothing more is read that would write the first answer.
    let requests = ["/echo/fast", "/slow", "/echo/third"].map(get_request);
    client.send(requests.concat().as_bytes()).await;
    assert_eq!(next_body(client.stream()).await, "fast");
    app.go_on.notify_one();
    assert_eq!(next_body(client.stream()).await, "slow");
    assert_eq!(next_body(client.stream()).await, "third");
}

#[tokio::test]
async fn a_streamed_response_in_a_pipeline_arrives_part_by_part() {
    let (parts, receiver) = channel(1);
    let server = start(&app(receiver)).await;
    let mut client = Client::dial(server.address).await;
    let requests = [
        get_request("/echo/before"),
        get_request("/stream"),
        get_request("/echo/after"),
    ];
    client.send(requests.concat().as_bytes()).await;
    let stream = client.stream();
    assert_eq!(next_body(stream).await, "before");
    let head = read_head(stream).await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    let large = "x".repeat(100_000);
    for part in ["one", "two", &large, "three"] {
        parts
            .send(Bytes::from(part.to_owned()))
            .await
            .expect("a receiver");
        let expected = format!("{:X}\r\n{part}\r\n", part.len());
        let mut chunk = vec![0; expected.len()];
        let read = within("a part", stream.read_exact(&mut chunk)).await;
        read.expect("a part");
        assert_eq!(String::from_utf8_lossy(&chunk), expected);
    }
    drop(parts);
    let mut last = [0; 5];
    let read = within("the end", stream.read_exact(&mut last)).await;
    read.expect("the end");
    assert_eq!(&last, b"0\r\n\r\n");
    assert_eq!(next_body(stream).await, "after");
}

#[tokio::test]
async fn an_upgrade_or_an_event_stream_may_follow_in_a_pipeline() {
    let server = start(&app(channel(1).1)).await;
    for path in ["/ws", "/ws?user=alice"] {
        let mut client = Client::dial(server.address).await;
        let sent = [
            get_request("/echo/one").into_bytes(),
            get_request("/echo/two").into_bytes(),
            upgrade_request(path).into_bytes(),
            frame(PING, b"early"),
        ];
        client.send(&sent.concat()).await;
        assert_eq!(next_body(client.stream()).await, "one");
        assert_eq!(next_body(client.stream()).await, "two");
        client.expect_upgrade().await;
        client.expect_pong(b"early").await;
    }
    let mut client = Client::dial(server.address).await;
    let requests = [get_request("/echo/one"), get_request("/sse?channel=a")];
    client.send(requests.concat().as_bytes()).await;
    assert_eq!(next_body(client.stream()).await, "one");
    let head = read_head(client.stream()).await;
    assert!(head.contains("text/event-stream"), "{head}");
    let mut retry = [0; 2];
    let read = within("its first line", client.stream().read_exact(&mut retry)).await;
    read.expect("a line");
}
