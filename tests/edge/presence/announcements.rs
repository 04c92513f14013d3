//! When it is announced who has come and gone.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use wavecast::PresenceOptions;

use super::{AT_ONCE, announced, present, start, watch};

#[tokio::test]
async fn a_user_joins_with_its_first_connection_and_leaves_with_its_last() {
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
    first.unsubscribe("c").await;
    // Nothing about the second connection, nor about the end of the first.
    let mut bob = server.connect_as("bob").await;
    bob.subscribe("c").await;
    eve.expect_json(announced(&["bob"], &[], [3, 3, 0])).await;
    second.unsubscribe("c").await;
    eve.expect_json(announced(&[], &["ada"], [2, 2, 0])).await;
}

#[tokio::test]
async fn a_reload_within_the_linger_is_silent() {
    let linger = Duration::from_secs(60);
    let server = start(PresenceOptions { linger, ..AT_ONCE }).await;
    let mut eve = server.connect_as("eve").await;
    watch(&mut eve).await;
    let mut ada = server.connect_as("ada").await;
    ada.subscribe("c").await;
    eve.expect_json(announced(&["ada"], &[], [2, 2, 0])).await;
    for _ in 0..5 {
        ada.close().await;
        // It is listed meanwhile, and its connection is not counted.
        eve.send_text(r#"{"type":"presence","channel":"c","id":1}"#)
            .await;
        let answer = eve.next_json().await;
        assert_eq!(answer["members"], present(&["eve", "ada"], 1, 0)["members"]);
        assert_eq!(
            (&answer["users"], &answer["connections"]),
            (&2.into(), &1.into())
        );
        ada = server.connect_as("ada").await;
        ada.subscribe("c").await;
    }
    let mut bob = server.connect_as("bob").await;
    bob.subscribe("c").await;
    eve.expect_json(announced(&["bob"], &[], [3, 3, 0])).await;
}

#[tokio::test]
async fn who_does_not_come_back_is_gone_after_the_linger() {
    let linger = Duration::from_millis(200);
    let server = start(PresenceOptions { linger, ..AT_ONCE }).await;
    let mut eve = server.connect_as("eve").await;
    watch(&mut eve).await;
    let mut ada = server.connect_as("ada").await;
    ada.subscribe("c").await;
    eve.expect_json(announced(&["ada"], &[], [2, 2, 0])).await;
    let began = Instant::now();
    ada.close().await;
    eve.expect_json(announced(&[], &["ada"], [1, 1, 0])).await;
    assert!(began.elapsed() >= linger);
}

#[tokio::test]
async fn a_user_is_announced_before_its_own_first_message() {
    let interval = Duration::from_secs(3600);
    let server = start(PresenceOptions {
        interval,
        ..AT_ONCE
    })
    .await;
    let mut eve = server.connect_as("eve").await;
    let join = r#"{"type":"join","room":"c","presence":true}"#;
    eve.send_text(join).await;
    assert_eq!(eve.next_json().await["presence"], present(&["eve"], 1, 0));
    let mut speakers = Vec::new();
    for (index, user) in ["ada", "bob", "cid"].into_iter().enumerate() {
        let mut speaker = server.connect_as(user).await;
        speaker.join("c", index + 2).await;
        speakers.push(speaker);
        let announced = eve.next_json().await;
        if index == 0 {
            // The first change is announced at once, here before or after the notice.
            let both = [
                announced["type"].clone(),
                eve.next_json().await["type"].clone(),
            ];
            assert!(both.contains(&"presence".into()), "{both:?}");
        } else {
            assert_eq!(announced["type"], "user_joined");
        }
    }
    speakers[2].say("c", "hello").await;
    let announced = eve.next_json().await;
    assert_eq!(announced["type"], "presence", "{announced}");
    let users = announced["joined"].as_array().unwrap();
    let users: Vec<&str> = users.iter().filter_map(|it| it["user"].as_str()).collect();
    assert_eq!(users, ["bob", "cid"]);
    assert_eq!(announced["room"], "c");
    assert_eq!(eve.next_json().await["content"], "hello");
    speakers[2].say("c", "again").await;
    assert_eq!(eve.next_json().await["content"], "again");
}

#[tokio::test]
async fn two_thousand_joins_cost_a_watcher_a_few_messages() {
    const USERS: usize = 2000;
    let presence = PresenceOptions {
        linger: Duration::ZERO,
        ..PresenceOptions::default()
    };
    let server = start(presence).await;
    let mut eve = server.connect_as("eve").await;
    watch(&mut eve).await;
    let began = Instant::now();
    let join = async |number| {
        let mut client = server.connect_as(&format!("user-{number}")).await;
        client.subscribe("c").await;
        client
    };
    let mut clients = Vec::new();
    for first in (0..USERS).step_by(100) {
        clients.extend(join_all((first..first + 100).map(join)).await);
    }
    let mut messages = 0;
    loop {
        messages += 1;
        if eve.next_json().await["users"] == USERS + 1 {
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let interval = presence.interval.as_secs_f64();
    let most = 2.0 * seconds / interval + 10.0;
    assert!(f64::from(messages) < most, "{messages} in {seconds} s");
    drop(clients);
}
