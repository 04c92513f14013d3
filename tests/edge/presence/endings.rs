//! However a connection ends, its user leaves once.

use std::time::Duration;

use super::{AT_ONCE, announced, start, watch};
use crate::support::Client;

async fn expect_one_left(eve: &mut Client) {
    eve.expect_json(announced(&[], &["ada"], [1, 1, 0])).await;
}

#[tokio::test]
async fn of_a_user_with_two_connections_that_are_reset_one_left_after_the_second() {
    let server = start(AT_ONCE).await;
    let mut eve = server.connect_as("eve").await;
    watch(&mut eve).await;
    let (mut first, mut second) = (
        server.connect_as("ada").await,
        server.connect_as("ada").await,
    );
    first.subscribe("c").await;
    eve.expect_json(announced(&["ada"], &[], [2, 2, 0])).await;
    second.subscribe("c").await;
    first.reset();
    crate::support::eventually("one connection less", async || {
        let page = server.get("/api/channels/c/presence").await;
        page["connections"] == 2
    })
    .await;
    eve.expect_silence().await;
    second.reset();
    expect_one_left(&mut eve).await;
}

#[tokio::test]
async fn a_close_a_hang_up_an_operator_and_a_leave_are_announced_once() {
    let server = start(AT_ONCE).await;
    let mut eve = server.connect_as("eve").await;
    watch(&mut eve).await;
    for ending in 0..4 {
        let mut ada = server.connect_as("ada").await;
        ada.subscribe("c").await;
        eve.expect_json(announced(&["ada"], &[], [2, 2, 0])).await;
        match ending {
            0 => ada.close().await,
            1 => ada.hang_up().await,
            2 => {
                let closed = server.http("DELETE", "/api/users/ada", None).await;
                assert_eq!(closed.json()["closed"], 1);
                ada.expect_close(4000).await;
            }
            _ => ada.unsubscribe("c").await,
        }
        expect_one_left(&mut eve).await;
    }
}

#[tokio::test]
async fn a_watcher_that_has_left_is_told_nothing_and_does_not_hold_up_the_others() {
    let server = start(AT_ONCE).await;
    let mut eve = server.connect_as("eve").await;
    // Of two shards, the other one, so that both watchers are in the same.
    let _between = server.connect().await;
    let mut ida = server.connect_as("ida").await;
    watch(&mut eve).await;
    watch(&mut ida).await;
    eve.expect_json(announced(&["ida"], &[], [2, 2, 0])).await;
    eve.unsubscribe("c").await;
    ida.expect_json(announced(&[], &["eve"], [1, 1, 0])).await;
    let mut ada = server.connect_as("ada").await;
    ada.subscribe("c").await;
    ida.expect_json(announced(&["ada"], &[], [2, 2, 0])).await;
    eve.expect_silence().await;
    // The slot of one that has gone belongs to another soon.
    eve.close().await;
    let mut max = server.connect_as("max").await;
    max.subscribe("c").await;
    ida.expect_json(announced(&["max"], &[], [3, 3, 0])).await;
    max.expect_silence().await;
}

#[tokio::test]
async fn an_eviction_is_announced_too() {
    let presence = wavecast::PresenceOptions {
        linger: Duration::ZERO,
        ..AT_ONCE
    };
    let mut config = super::keeping(presence);
    config.outbox.messages = 16;
    let server = crate::support::TestServer::start(config).await;
    let mut eve = server.connect_as("eve").await;
    watch(&mut eve).await;
    let mut ada = server.connect_as("ada").await;
    ada.subscribe("c").await;
    ada.subscribe("flood").await;
    eve.expect_json(announced(&["ada"], &[], [2, 2, 0])).await;
    let text = "x".repeat(60_000);
    while server.publish_data("flood", &text).await.subscribers > 0 {}
    expect_one_left(&mut eve).await;
}
