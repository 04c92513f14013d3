//! Messages that have begun and are not complete share one limit over all clients.

use crate::support::{
    Client, FINAL_CONTINUATION, TEXT_FRAGMENT, TestServer, config, eventually, frame,
};

/// Room for one large message beside small ones: at least twice the maximum size of a message.
async fn start() -> TestServer {
    TestServer::start(config(|config| config.engine.partial_messages_total = 0)).await
}

async fn begin(client: &mut Client, bytes: usize) {
    let begun = format!("{:bytes$}", r#"{"type":"ping""#);
    client.send(&frame(TEXT_FRAGMENT, begun.as_bytes())).await;
}

async fn finish(client: &mut Client) {
    client.send(&frame(FINAL_CONTINUATION, b"}")).await;
    client.expect_text(r#"{"type":"pong"}"#).await;
}

async fn eventually_held(server: &TestServer, is_as_expected: impl Fn(usize) -> bool) {
    let messages = server.server.node().partial_messages();
    eventually("the bytes held", async || is_as_expected(messages.used())).await;
}

#[tokio::test]
async fn a_client_whose_message_does_not_fit_beside_those_of_others_is_closed() {
    let server = start().await;
    let mut clients = server.connect_many(3).await;
    let [first, second, third] = &mut clients[..] else {
        unreachable!("three clients");
    };
    begin(first, 60_000).await;
    eventually_held(&server, |held| held >= 60_000).await;
    begin(second, 60_000).await;
    assert_eq!(second.expect_close(1013).await, "overloaded");
    // A small one has room, and so has the one that came first.
    begin(third, 1000).await;
    finish(third).await;
    finish(first).await;
    eventually_held(&server, |held| held == 0).await;
    begin(third, 60_000).await;
    finish(third).await;
}

#[tokio::test]
async fn a_connection_that_ends_gives_back_what_its_unfinished_message_took() {
    let server = start().await;
    for _ in 0..3 {
        let mut client = server.connect().await;
        begin(&mut client, 60_000).await;
        eventually_held(&server, |held| held >= 60_000).await;
        client.reset();
        eventually_held(&server, |held| held == 0).await;
    }
}
