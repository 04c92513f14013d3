//! How long a connection may be idle, and how long the head of a request may take.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{advance, pause, resume};
use wavecast::http::ServeOptions;

use crate::support::{Binary, TestServer, config, dial, expect_end, read_response};

const GET: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
const MOMENT: Duration = Duration::from_secs(1);

/// A server with the defaults, which are those above.
async fn start() -> TestServer {
    let options = ServeOptions::default();
    assert_eq!(options.header_timeout, HEAD_TIMEOUT);
    assert_eq!(options.keep_alive, KEEP_ALIVE);
    TestServer::start_with(config(|_| {}), options).await
}

/// Lets time pass once the server has read what it was sent.
async fn pass(server: &TestServer, time: Duration) {
    server.get("/api/stats").await;
    pause();
    advance(time).await;
    resume();
}

async fn exchange(stream: &mut TcpStream) {
    stream.write_all(GET).await.expect("send");
    assert_eq!(read_response(stream).await.status, 200);
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_longer_than_a_proxy_keeps_its_own() {
    let server = start().await;
    let mut stream = dial(server.address).await;
    for _ in 0..2 {
        exchange(&mut stream).await;
        // The bytes of this body came before the connection was idle.
        let body = r#"{"channel":"a","data":1}"#;
        let post = format!(
            "POST /api/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(post.as_bytes()).await.expect("send");
        server.get("/api/stats").await;
        stream.write_all(body.as_bytes()).await.expect("send");
        assert_eq!(read_response(&mut stream).await.status, 200);
        pass(&server, KEEP_ALIVE * 9 / 10).await;
    }
    exchange(&mut stream).await;
    pass(&server, KEEP_ALIVE + MOMENT).await;
    expect_end(&mut stream).await;
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_is_answered_with_408() {
    let server = start().await;
    for is_reused in [false, true] {
        let mut stream = dial(server.address).await;
        if is_reused {
            exchange(&mut stream).await;
            pass(&server, KEEP_ALIVE / 2).await;
        }
        stream.write_all(&GET[..20]).await.expect("send");
        pass(&server, HEAD_TIMEOUT * 9 / 10).await;
        // Another byte gives it no more time.
        stream.write_all(&GET[20..21]).await.expect("send");
        pass(&server, 2 * MOMENT).await;
        let answer = read_response(&mut stream).await;
        answer.expect_problem(408, "request_timeout");
        assert_eq!(answer.header("connection"), Some("close"));
        expect_end(&mut stream).await;
    }
}

#[tokio::test]
async fn a_head_that_begins_in_one_piece_with_the_request_before_it_has_no_more_time() {
    let server = start().await;
    let mut stream = dial(server.address).await;
    let begun = [GET, GET, &GET[..20]].concat();
    stream.write_all(&begun).await.expect("send");
    for _ in 0..2 {
        assert_eq!(read_response(&mut stream).await.status, 200);
    }
    pass(&server, HEAD_TIMEOUT + MOMENT).await;
    let answer = read_response(&mut stream).await;
    answer.expect_problem(408, "request_timeout");
    expect_end(&mut stream).await;

    // A connection on which nothing more came is idle.
    let mut stream = dial(server.address).await;
    stream.write_all(&begun[..=GET.len()]).await.expect("send");
    stream.write_all(&GET[1..]).await.expect("send");
    for _ in 0..2 {
        assert_eq!(read_response(&mut stream).await.status, 200);
    }
    pass(&server, HEAD_TIMEOUT + MOMENT).await;
    exchange(&mut stream).await;
}

#[tokio::test]
async fn a_connection_without_any_request_ends_without_an_answer() {
    let server = start().await;
    let mut stream = dial(server.address).await;
    pass(&server, HEAD_TIMEOUT + MOMENT).await;
    expect_end(&mut stream).await;
}

#[tokio::test]
async fn the_flag_of_the_binary_sets_it() {
    let edge = Binary::start(&["--keep-alive", "100ms"]).await;
    let mut stream = dial(edge.address).await;
    exchange(&mut stream).await;
    expect_end(&mut stream).await;
}

#[tokio::test]
async fn a_later_request_is_answered_if_the_client_ends_its_side_behind_it() {
    let server = TestServer::start_default().await;
    for _ in 0..20 {
        let mut stream = dial(server.address).await;
        let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request).await.expect("send");
        assert_eq!(read_response(&mut stream).await.status, 200);
        stream.write_all(request).await.expect("send");
        stream.shutdown().await.expect("end");
        assert_eq!(read_response(&mut stream).await.status, 200);
    }
}
