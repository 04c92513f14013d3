//! Clients over TLS that read slowly.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    CLOSE, Client, LOAD_PATIENCE, PING, TEXT, TlsClient, config, connect_tls,
    dial_with_small_buffer, eventually, shake_hands, upgrade_tls, within_a_minute,
};

async fn expect_in_order(slow: &mut TlsClient, from: u64) -> (u64, u16) {
    let mut number = from;
    within_a_minute("the Close frame", async {
        loop {
            let next = slow.next_frame().await;
            match next.first {
                TEXT => {
                    let event: serde_json::Value = serde_json::from_slice(&next.payload).unwrap();
                    assert_eq!(event["data"]["number"], number);
                    number += 1;
                }
                CLOSE => return (number, next.close().0),
                PING => {}
                other => panic!("a frame that begins with {other:#x}"),
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_client_that_does_not_read_is_evicted_and_can_read_what_was_sent() {
    let (edge, own) = super::start(config(|config| {
        config.outbox.bytes = 128 * 1024;
        // Nothing that is expected below waits for this.
        config.connections.close_timeout = LOAD_PATIENCE;
    }));
    for padding in [500, 20_000] {
        let mut healthy = connect_tls(edge.address, &own.client()).await;
        healthy.subscribe("news").await;
        let stream = dial_with_small_buffer(edge.address).await;
        let stream = shake_hands(stream, &own.client()).await;
        let mut slow: TlsClient = upgrade_tls(stream.expect("a handshake")).await;
        slow.subscribe("news").await;
        let metrics = edge.server.node().metrics();
        let (before, padding) = (metrics.slow_consumers_total.get(), "x".repeat(padding));
        let published = within_a_minute("an eviction", async {
            for number in 0_u64.. {
                let data = json!({"number": number, "padding": padding});
                edge.publish_data("news", &data).await;
                assert_eq!(healthy.next_json().await["data"]["number"], number);
                if metrics.slow_consumers_total.get() > before {
                    return number + 1;
                }
            }
            unreachable!()
        })
        .await;
        let (read, code) = expect_in_order(&mut slow, 0).await;
        assert_eq!(code, 1013);
        assert!(read > 0 && read < published, "{read} of {published}");
        // Fails without `close_notify`.
        slow.expect_end().await;
        healthy.close().await;
    }
}

#[tokio::test]
async fn a_client_that_is_slow_but_reads_gets_everything_in_order() {
    const EVENTS: u64 = 400;
    let (edge, own) = super::start(config(|config| {
        config.outbox.messages = 100_000;
        config.outbox.bytes = 64 * 1024 * 1024;
    }));
    let stream = dial_with_small_buffer(edge.address).await;
    let stream = shake_hands(stream, &own.client()).await;
    let mut slow: Client<_> = upgrade_tls(stream.expect("a handshake")).await;
    slow.subscribe("news").await;
    for number in 0..EVENTS {
        // Around the size of a record, and in several of them.
        let padding = "x".repeat((number as usize * 997) % 40_000);
        let data = json!({"number": number, "padding": padding});
        edge.publish_data("news", &data).await;
        if number % 50 == 0 {
            // What the reader has to say is between the records of the shard.
            let (_, session) = slow.stream().get_mut();
            session.refresh_traffic_keys().expect("new keys");
            slow.send_text(r#"{"type":"ping"}"#).await;
        }
    }
    let (mut number, mut pongs) = (0, 0);
    within_a_minute("all events", async {
        while number < EVENTS || pongs < 8 {
            let message = slow.next_json().await;
            if message["type"] == "pong" {
                pongs += 1;
                continue;
            }
            assert_eq!(message["data"]["number"], number);
            number += 1;
        }
    })
    .await;
    slow.close().await;
}

#[tokio::test]
async fn a_connection_that_accepts_nothing_is_reset() {
    let (edge, own) = super::start(config(|config| {
        config.connections.write_timeout = Duration::from_millis(300);
        config.ping_interval = Duration::from_millis(50);
        config.pong_timeout = LOAD_PATIENCE;
        config.outbox.messages = 100_000;
        config.outbox.bytes = 64 * 1024 * 1024;
    }));
    let stream = dial_with_small_buffer(edge.address).await;
    let stream = shake_hands(stream, &own.client()).await;
    let mut stuck = upgrade_tls(stream.expect("a handshake")).await;
    stuck.subscribe("news").await;
    let padding = "x".repeat(60_000);
    for _ in 0..100 {
        edge.publish_data("news", &padding).await;
    }
    eventually("the reset", async || edge.links() == 0).await;
    let metrics = edge.server.node().metrics();
    assert_eq!(metrics.write_timeouts_total.get(), 1);
}
