//! Messages that are incomplete or not carried out share one limit over all clients.

use tokio::task::JoinSet;

use super::replies::pings;
use crate::support::{
    Binary, CLOSE, Client, FINAL_CONTINUATION, PING, TEXT_FRAGMENT, TestServer, config, eventually,
    frame, within_a_minute,
};

/// Room for one large message beside small ones: at least twice the maximum size of a message.
async fn start() -> TestServer {
    TestServer::start(config(|config| config.connections.messages_total = 0)).await
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
    let messages = server.server.node().unfinished_messages();
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
async fn the_limit_is_a_setting() {
    let binary = Binary::start(&["--messages-total", "1"]).await;
    let mut first = Client::connect(binary.address, "/ws").await;
    begin(&mut first, 60_000).await;
    first.send(&frame(PING, b"begun")).await;
    first.expect_pong(b"begun").await;
    let mut second = Client::connect(binary.address, "/ws").await;
    begin(&mut second, 60_000).await;
    assert_eq!(second.expect_close(1013).await, "overloaded");
    finish(&mut first).await;
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

/// Commands whose replies are more than the kernel and an outbox hold.
fn flood() -> Vec<u8> {
    pings(1000).repeat(20)
}

#[tokio::test]
async fn commands_that_wait_until_replies_are_read_count_until_the_connection_ends() {
    let server = TestServer::start(config(|_| {})).await;
    let mut client = Client::connect_with_small_buffer(server.address).await;
    let mut sending = JoinSet::new();
    sending.spawn(async move {
        client.send_unless_closed(&flood()).await;
        std::future::pending::<()>().await;
    });
    eventually_held(&server, |held| held > 100_000).await;
    assert_eq!(server.server.node().connection_count(), 1);
    sending.abort_all();
    eventually_held(&server, |held| held == 0).await;
}

#[tokio::test]
async fn a_client_whose_waiting_commands_do_not_fit_is_closed_after_the_replies_to_the_others() {
    let server = start().await;
    let mut client = Client::connect_with_small_buffer(server.address).await;
    client.send(&flood()).await;
    within_a_minute("the Close frame", async {
        loop {
            let next = client.next_frame().await;
            if next.first == CLOSE {
                assert_eq!(next.close(), (1013, "overloaded"));
                break;
            }
            assert_eq!(next.text(), r#"{"type":"pong"}"#);
        }
    })
    .await;
    client.expect_end().await;
    assert_eq!(server.server.node().unfinished_messages().used(), 0);
    // One command at a time takes nothing.
    let mut neighbour = server.connect().await;
    neighbour
        .ask(r#"{"type":"ping"}"#, r#"{"type":"pong"}"#)
        .await;
}
