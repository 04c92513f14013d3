//! Peers that accept no bytes.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::time::sleep;
use wavecast::http::ServeOptions;

use crate::support::{
    Client, EventSource, TestServer, config, dial_with_small_buffer, eventually, within,
};

const WRITE_TIMEOUT: Duration = Duration::from_millis(400);
const PAGE: &[u8] = b"GET /wavecast.js HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn start() -> TestServer {
    start_with(WRITE_TIMEOUT).await
}

async fn start_with(write_timeout: Duration) -> TestServer {
    let options = ServeOptions {
        write_timeout,
        ..ServeOptions::default()
    };
    let config = config(|config| config.connections.write_timeout = write_timeout);
    TestServer::start_with(config, options).await
}

#[tokio::test]
async fn a_client_that_reads_no_answers_is_not_read_from_and_reset() {
    let server = start().await;
    let stream = dial_with_small_buffer(server.address).await;
    let began = Instant::now();
    let requests = PAGE.repeat(1000);
    let mut sent = 0;
    let ended = within("the reset", async {
        loop {
            stream.writable().await?;
            match stream.try_write(&requests) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    // Nothing but the reset tells a writer whose socket is full anything.
                    sleep(Duration::from_millis(10)).await;
                }
                Err(error) => return Err::<(), _>(error),
            }
        }
    });
    let error = ended.await.expect_err("it ended");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    assert!(began.elapsed() >= WRITE_TIMEOUT, "{:?}", began.elapsed());
    // What the kernel's buffers hold; a server that went on reading would take all of it.
    assert!(sent < 16 * 1024 * 1024, "{sent} bytes");
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_its_answers() {
    // Long enough for a machine on which this test does not run for a while.
    let timeout = 5 * WRITE_TIMEOUT;
    let server = start_with(timeout).await;
    let mut stream = dial_with_small_buffer(server.address).await;
    let mut client = Client::over(&mut stream);
    client.send(&PAGE.repeat(1000)).await;
    let mut read = vec![0; 4096];
    let began = Instant::now();
    while began.elapsed() < 2 * timeout {
        sleep(timeout / 40).await;
        let count = within("more", stream.read(&mut read)).await;
        assert_ne!(count.expect("no reset"), 0, "the connection ended");
    }
}

#[tokio::test]
async fn an_event_stream_that_accepts_no_bytes_is_reset() {
    let server = start().await;
    let stalled = EventSource::open_with_small_buffer(server.address, "/sse?channel=news").await;
    let mut healthy = EventSource::subscribe(server.address, &["news"]).await;
    let padding = "x".repeat(10_000);
    // Less than what evicts it, and more than what the kernel takes.
    for number in 0..70 {
        let data = json!({"number": number, "padding": padding});
        server.publish_data("news", &data).await;
        assert_eq!(healthy.next_json().await["data"]["number"], number);
    }
    eventually("the reset", async || server.links() == 1).await;
    let metrics = server.server.node().metrics();
    assert_eq!(metrics.slow_consumers_total.get(), 0, "it was not evicted");
    drop(stalled);
    server.publish("news", "still there").await;
    assert_eq!(healthy.next_json().await["data"]["message"], "still there");
}
