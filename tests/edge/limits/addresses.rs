//! Connections and handshakes of one address.

use super::{at_once, connect_from, limited_in_stats, refused_from, start};
use crate::support::{EventSource, eventually};

#[tokio::test]
async fn an_address_has_only_so_many_connections_until_one_of_them_ends() {
    let server = start(|limits| limits.connections_per_address = 2).await;
    let one = connect_from(&server, "203.0.113.1", "/ws").await;
    let line = "X-Forwarded-For: 203.0.113.1\r\n";
    let stream = EventSource::open_with(server.address, "/sse?channel=a", line).await;
    for path in ["/ws", "/sse?channel=a"] {
        let refused = refused_from(&server, "203.0.113.1", path).await;
        refused.expect_problem(429, "too_many_from_address");
        assert_eq!(refused.header("retry-after"), Some("1"), "{path}");
    }
    connect_from(&server, "203.0.113.2", "/ws")
        .await
        .close()
        .await;
    drop(one);
    eventually("a place", async || server.links() < 2).await;
    let again = connect_from(&server, "203.0.113.1", "/ws").await;
    refused_from(&server, "203.0.113.1", "/ws")
        .await
        .expect_problem(429, "too_many_from_address");
    drop(stream);
    eventually("a place", async || server.links() < 2).await;
    connect_from(&server, "203.0.113.1", "/ws")
        .await
        .close()
        .await;
    drop(again);
    assert_eq!(
        limited_in_stats(&server, "connections_per_address").await,
        3
    );
}

#[tokio::test]
async fn of_many_that_come_at_once_no_more_than_the_limit_get_in() {
    let server = start(|limits| limits.connections_per_address = 5).await;
    let mut attempts = tokio::task::JoinSet::new();
    for n in 0..40 {
        let address = server.address;
        attempts.spawn(async move {
            // Another half of the same network.
            let from = format!("X-Forwarded-For: 2001:db8::{n:x}:0:0:1");
            let mut client = crate::support::Client::dial(address).await;
            client.send(super::handshake("/ws", &from).as_bytes()).await;
            let head = crate::support::read_head(client.stream()).await;
            (head.starts_with("HTTP/1.1 101"), client)
        });
    }
    let attempts = crate::support::join_all("attempts", attempts).await;
    let got_in = attempts.iter().filter(|(got_in, _)| *got_in).count();
    assert_eq!(got_in, 5);
}

#[tokio::test]
async fn clients_that_have_not_sent_their_token_count_too() {
    use crate::tokens::desk::{as_subprotocol, start_configured};
    let config = crate::support::config(|config| {
        config.limits.connections_per_address = 1;
    });
    let server = start_configured(|_| {}, config).await;
    // Loopback addresses have no limit.
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(crate::tokens::desk::dial_with(&server, &as_subprotocol("ada_a_-")).await);
    }
    for client in &mut clients {
        crate::support::read_head(client.stream()).await;
    }
}

#[tokio::test]
async fn an_address_may_ask_to_connect_only_so_often() {
    let server = start(|limits| limits.handshakes_per_address = at_once(3)).await;
    connect_from(&server, "203.0.113.1", "/ws")
        .await
        .close()
        .await;
    let line = "X-Forwarded-For: 203.0.113.1\r\n";
    drop(EventSource::open_with(server.address, "/sse?channel=a", line).await);
    // One that is refused for another reason counts.
    refused_from(&server, "203.0.113.1", "/sse")
        .await
        .expect_problem(400, "missing_field");
    for path in ["/ws", "/sse?channel=a", "/sse"] {
        let refused = refused_from(&server, "203.0.113.1", path).await;
        refused.expect_problem(429, "rate_limited");
        let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=3600).contains(&wait), "{wait}");
    }
    // Others do not notice, nor do other requests.
    connect_from(&server, "203.0.113.2", "/ws")
        .await
        .close()
        .await;
    assert_eq!(server.http("GET", "/api/stats", None).await.status, 200);
    assert_eq!(limited_in_stats(&server, "handshakes_per_address").await, 3);
}

#[tokio::test]
async fn a_proxy_or_a_developer_on_this_machine_has_no_limit() {
    let server = start(|limits| {
        limits.connections_per_address = 1;
        limits.handshakes_per_address = at_once(1);
    })
    .await;
    let clients = server.connect_many(5).await;
    assert_eq!(server.links(), 5);
    drop(clients);
    let more = [
        connect_from(&server, "::1", "/ws").await,
        connect_from(&server, "::ffff:127.0.0.1", "/ws").await,
    ];
    drop(more);
}
