//! Subscribing and joining to be told who is present.

use serde_json::json;
use wavecast::PresenceOptions;

use super::{AT_ONCE, announced, present, start, watch};

#[tokio::test]
async fn a_subscription_with_presence_gets_who_is_there_and_then_what_changes() {
    let server = start(AT_ONCE).await;
    let mut ada = server.connect_as("ada").await;
    ada.ask(
        r#"{"type":"subscribe","channel":"c","presence":true,"id":1}"#,
        r#"{"type":"subscribed","channel":"c","presence":{"users":1,"connections":1,"anonymous":0,"members":[{"user":"ada"}]},"id":1}"#,
    )
    .await;
    let mut bob = server.connect_as("bob").await;
    bob.subscribe("c").await;
    ada.expect_text(
        r#"{"type":"presence","channel":"c","joined":[{"user":"bob"}],"left":[],"users":2,"connections":2,"anonymous":0}"#,
    )
    .await;
    bob.unsubscribe("c").await;
    ada.expect_text(
        r#"{"type":"presence","channel":"c","joined":[],"left":["bob"],"users":1,"connections":1,"anonymous":0}"#,
    )
    .await;
    bob.expect_silence().await;
}

#[tokio::test]
async fn members_are_in_the_order_of_their_arrival_and_connections_without_a_user_are_only_counted()
{
    let server = start(AT_ONCE).await;
    let mut others = Vec::new();
    for user in ["eve", "bob", "eve"] {
        let mut other = server.connect_as(user).await;
        other.subscribe("c").await;
        others.push(other);
    }
    let mut nobody = server.connect().await;
    nobody.subscribe("c").await;
    let mut ada = server.connect_as("ada").await;
    assert_eq!(watch(&mut ada).await, present(&["eve", "bob", "ada"], 5, 1));
}

#[tokio::test]
async fn a_client_that_asks_for_nothing_is_told_nothing() {
    let server = start(AT_ONCE).await;
    let (mut ada, mut bob) = (
        server.connect_as("ada").await,
        server.connect_as("bob").await,
    );
    ada.subscribe("c").await;
    let mut eve = server.connect_as("eve").await;
    watch(&mut eve).await;
    bob.subscribe("c").await;
    eve.expect_json(announced(&["bob"], &[], [3, 3, 0])).await;
    assert_eq!(server.publish("c", "hello").await, 3);
    ada.expect_event("c", "hello").await;
    ada.expect_silence().await;
}

#[tokio::test]
async fn a_subscription_that_is_repeated_turns_it_on_and_off() {
    let server = start(AT_ONCE).await;
    let mut ada = server.connect_as("ada").await;
    ada.subscribe("c").await;
    assert_eq!(watch(&mut ada).await, present(&["ada"], 1, 0));
    // One that does not mention it leaves it as it is.
    ada.subscribe("c").await;
    let mut bob = server.connect_as("bob").await;
    bob.subscribe("c").await;
    ada.expect_json(announced(&["bob"], &[], [2, 2, 0])).await;
    // A list again, which replaces the first.
    assert_eq!(watch(&mut ada).await, present(&["ada", "bob"], 2, 0));
    ada.ask(
        r#"{"type":"subscribe","channel":"c","presence":false}"#,
        r#"{"type":"subscribed","channel":"c"}"#,
    )
    .await;
    let mut eve = server.connect_as("eve").await;
    watch(&mut eve).await;
    bob.unsubscribe("c").await;
    eve.expect_json(announced(&[], &["bob"], [2, 2, 0])).await;
    ada.expect_silence().await;
    // It is still subscribed.
    assert_eq!(server.publish("c", "hello").await, 2);
    ada.expect_event("c", "hello").await;
}

#[tokio::test]
async fn presence_and_positions_go_together_and_an_announcement_has_no_offset() {
    let server = start(AT_ONCE).await;
    let mut ada = server.connect_as("ada").await;
    server.publish("c", "one").await;
    ada.send_text(r#"{"type":"subscribe","channel":"c","last":1,"presence":true}"#)
        .await;
    let subscribed = ada.next_json().await;
    assert_eq!(subscribed["offset"], 1, "{subscribed}");
    assert_eq!(subscribed["presence"], present(&["ada"], 1, 0));
    assert_eq!(ada.next_json().await["offset"], 1);
    let mut bob = server.connect_as("bob").await;
    bob.subscribe("c").await;
    ada.expect_json(announced(&["bob"], &[], [2, 2, 0])).await;
    server.publish("c", "two").await;
    assert_eq!(ada.next_json().await["offset"], 2);
    bob.expect_event("c", "two").await;
    // A client that comes back gets the publications that it missed, and a new list.
    let epoch = subscribed["epoch"].clone();
    ada.close().await;
    let mut ada = server.connect_as("ada").await;
    bob.unsubscribe("c").await;
    let since = json!({"offset": 1, "epoch": epoch});
    let again = json!({"type": "subscribe", "channel": "c", "since": since, "presence": true});
    ada.send_text(&again.to_string()).await;
    let subscribed = ada.next_json().await;
    assert_eq!(subscribed["recovered"], true, "{subscribed}");
    assert_eq!(subscribed["presence"], present(&["ada"], 1, 0));
    assert_eq!(ada.next_json().await["offset"], 2);
    ada.expect_silence().await;
}

#[tokio::test]
async fn a_watcher_that_subscribes_again_with_a_position_watches_on() {
    let server = start(AT_ONCE).await;
    let mut ada = server.connect_as("ada").await;
    watch(&mut ada).await;
    ada.send_text(r#"{"type":"subscribe","channel":"c","positions":true}"#)
        .await;
    assert_eq!(ada.next_json().await["type"], "subscribed");
    let mut bob = server.connect_as("bob").await;
    bob.subscribe("c").await;
    ada.expect_json(announced(&["bob"], &[], [2, 2, 0])).await;
}

#[tokio::test]
async fn what_is_not_a_truth_value_is_refused() {
    let server = start(PresenceOptions::default()).await;
    let mut ada = server.connect_as("ada").await;
    for command in [
        r#"{"type":"subscribe","channel":"c","presence":1}"#,
        r#"{"type":"join","room":"c","presence":"yes"}"#,
    ] {
        let refused = r#"{"type":"error","code":"missing_field","message":"Missing field","field":"presence"}"#;
        ada.ask(command, refused).await;
    }
    ada.subscribe("c").await;
}
