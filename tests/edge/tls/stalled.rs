//! Handshakes that do not go on, and many at once.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use wavecast::http::ServeOptions;
use wavecast::limits::Limit;
use wavecast::transport::tls::TlsOptions;

use crate::support::{
    TestCertificate, TestServer, config, connect_tls, dial, eventually, join_all, within,
};

/// The beginning of a client's first message.
const BEGINNING: &[u8] = &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc];

async fn begin(edge: &TestServer) -> TcpStream {
    let mut stream = dial(edge.address).await;
    stream.write_all(BEGINNING).await.expect("send");
    stream
}

async fn expect_closed(mut stream: TcpStream) {
    // It may be reset, because of what was not read.
    let _ = within("the end", stream.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn a_handshake_that_stalls_ends_in_time_and_is_no_connection() {
    let own = TestCertificate::of(&["localhost"]);
    let tls = own.acceptor(TlsOptions {
        timeout: Duration::from_millis(200),
        ..TlsOptions::default()
    });
    let stats = tls.stats().clone();
    // No place of HTTP: handshakes need none.
    let options = ServeOptions {
        max_http: 1,
        ..ServeOptions::default()
    };
    let limited = options.limited.clone();
    let edge = TestServer::start_tls(config(|_| {}), options, tls);
    let mut stalled = Vec::new();
    for _ in 0..20 {
        stalled.push(begin(&edge).await);
        stalled.push(dial(edge.address).await);
    }
    let mut client = connect_tls(edge.address, &own.client()).await;
    assert_eq!(edge.server.node().connection_count(), 1);
    for stream in stalled {
        expect_closed(stream).await;
    }
    eventually("the failures", async || stats.handshake_failures() == 40).await;
    eventually("the count", async || limited.get(Limit::Handshake) == 40).await;
    client.expect_silence().await;
}

#[tokio::test]
async fn handshakes_that_stall_do_not_keep_others_out() {
    let own = TestCertificate::of(&["localhost"]);
    let tls = own.acceptor(TlsOptions {
        max_handshakes: 2,
        timeout: Duration::from_secs(600),
        ..TlsOptions::default()
    });
    let edge = TestServer::start_tls(config(|_| {}), ServeOptions::default(), tls);
    let (first, second) = (begin(&edge).await, begin(&edge).await);
    // It waits until the oldest has had a second.
    let mut client = connect_tls(edge.address, &own.client()).await;
    expect_closed(first).await;
    client.expect_silence().await;
    // There is a free place now, so the other one stays.
    let mut another = connect_tls(edge.address, &own.client()).await;
    another.expect_silence().await;
    let nothing = second.try_read(&mut [0]).expect_err("it is open");
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_stop_ends_handshakes() {
    let (edge, _own) = super::start(config(|_| {}));
    let stalled = [begin(&edge).await, dial(edge.address).await];
    drop(edge);
    for stream in stalled {
        expect_closed(stream).await;
    }
}

#[tokio::test]
async fn many_handshakes_at_once_all_succeed() {
    const CLIENTS: usize = 200;
    let own = TestCertificate::of(&["localhost"]);
    let tls = own.acceptor(TlsOptions {
        max_handshakes: 8,
        threads: 2,
        ..TlsOptions::default()
    });
    let stats = tls.stats().clone();
    let edge = TestServer::start_tls(config(|_| {}), ServeOptions::default(), tls);
    let mut watcher = connect_tls(edge.address, &own.client()).await;
    watcher.subscribe("news").await;
    let mut tasks = JoinSet::new();
    for _ in 0..CLIENTS {
        let (address, client) = (edge.address, own.client());
        tasks.spawn(async move {
            let mut client = connect_tls(address, &client).await;
            client.subscribe("news").await;
            client
        });
    }
    for number in 0..20 {
        edge.publish_data("news", &json!({"number": number})).await;
        let event = watcher.next_json().await;
        assert_eq!(event["data"]["number"], number);
    }
    let clients = join_all("all clients", tasks).await;
    assert_eq!(clients.len(), CLIENTS);
    let handshakes = (stats.handshakes(), stats.handshake_failures());
    assert_eq!(handshakes, (CLIENTS as u64 + 1, 0));
}
