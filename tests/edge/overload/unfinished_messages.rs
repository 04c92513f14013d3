//! Messages that are incomplete or not carried out share one limit over all clients.

use std::future::pending;

use tokio::io::{AsyncWriteExt as _, Join, Sink, join, sink};
use tokio::net::tcp::ReadHalf;
use wavecast::node::Node;

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

/// Sends commands as fast as it can, and reads only as much as it takes until the server is as
/// `is_as_expected` says. Returns what it reads from then.
async fn flood<'a>(
    server: &TestServer,
    client: &'a mut Client,
    is_as_expected: impl Fn(&Node) -> bool,
) -> Client<Join<ReadHalf<'a>, Sink>> {
    let (node, quarter) = (server.server.node(), 1024 * 1024 / 4);
    let (reader, mut writer) = client.stream().split();
    let mut client = Client::over(join(reader, sink()));
    let sending = async {
        let batch = pings(1000);
        while writer.write_all(&batch).await.is_ok() {}
        pending::<()>().await;
    };
    let reading = async {
        loop {
            eventually("replies that hold it back", async || {
                is_as_expected(node) || node.hub().reply_bytes() >= quarter
            })
            .await;
            if is_as_expected(node) {
                break;
            }
            for _ in 0..3000 {
                client.next_frame().await;
            }
        }
    };
    within_a_minute("the state of the server", async {
        tokio::select! {
            () = sending => {}
            () = reading => {}
        }
    })
    .await;
    client
}

#[tokio::test]
async fn commands_that_wait_until_replies_are_read_count_until_the_connection_ends() {
    let server = TestServer::start(config(|_| {})).await;
    let mut client = Client::connect_with_small_buffer(server.address).await;
    // More than an incomplete message of this client takes.
    flood(&server, &mut client, |node| {
        node.unfinished_messages().used() > 20_000
    })
    .await;
    assert_eq!(server.server.node().connection_count(), 1);
    client.reset();
    eventually_held(&server, |held| held == 0).await;
}

#[tokio::test]
async fn a_client_whose_waiting_commands_do_not_fit_is_closed_after_the_replies_to_the_others() {
    let server = start().await;
    let mut neighbour = server.connect().await;
    begin(&mut neighbour, 60_000).await;
    eventually_held(&server, |held| held >= 60_000).await;
    let mut client = Client::connect_with_small_buffer(server.address).await;
    let is_closed = |node: &Node| node.closing_count() == 1;
    let mut client = flood(&server, &mut client, is_closed).await;
    within_a_minute("the Close frame", async {
        loop {
            let next = client.next_frame().await;
            match next.first {
                CLOSE => {
                    assert_eq!(next.close(), (1013, "overloaded"));
                    break;
                }
                PING => {}
                _ => assert_eq!(next.text(), r#"{"type":"pong"}"#),
            }
        }
    })
    .await;
    finish(&mut neighbour).await;
    eventually_held(&server, |held| held == 0).await;
}
