//! Identities that expire.

use std::time::Duration;

use super::desk::{connect_with, start};
use crate::support::{EventSource, TestServer};

async fn start_short(warning: u64, leeway: u64) -> TestServer {
    start(|desk| {
        desk.with_options(|options| {
            options.expiry_warning = Duration::from_secs(warning);
            options.leeway = Duration::from_secs(leeway);
        });
    })
    .await
}

#[tokio::test]
async fn a_client_is_told_once_and_then_closed() {
    let server = start_short(60, 0).await;
    let mut ada = connect_with(&server, "ada_news_2").await;
    // The token lives shorter than the warning, so it comes at once.
    let warning = ada.next_json().await;
    assert_eq!(warning["channel"], "$system");
    assert_eq!(warning["event"], "token_expiring");
    let left = warning["data"]["expires_in"].as_u64().unwrap();
    assert!(left <= 2, "{warning}");
    assert!(warning["data"]["id"].is_string() && warning["data"]["timestamp"].is_string());
    assert_eq!(ada.expect_close(4003).await, "token expired");
}

#[tokio::test]
async fn a_client_that_refreshes_stays_and_is_warned_of_its_new_token() {
    let server = start_short(60, 0).await;
    let mut ada = connect_with(&server, "ada_news_2").await;
    let mut other = connect_with(&server, "other_news_3").await;
    ada.next_event("$system").await;
    ada.ask(
        r#"{"type":"auth","token":"ada_news_3600"}"#,
        r#"{"type":"authenticated","user":"ada","expires_in":3599}"#,
    )
    .await;
    // Once a token that expires later has ended its client, so would have the first one of `ada`.
    other.next_event("$system").await;
    other.expect_close(4003).await;
    assert_eq!(server.publish("$user:ada", "still here").await, 1);
    ada.expect_event("$user:ada", "still here").await;
}

#[tokio::test]
async fn an_event_stream_ends_with_the_code() {
    let server = start_short(1, 0).await;
    let header = "Authorization: Bearer ada_news_2\r\n";
    let mut stream = EventSource::open_with(server.address, "/sse?channel=news", header).await;
    stream.expect_subscribed(&["news"]).await;
    loop {
        let (event, data) = stream.next_event().await;
        if event == "close" {
            assert!(data.contains("4003"), "{data}");
            return;
        }
    }
}
