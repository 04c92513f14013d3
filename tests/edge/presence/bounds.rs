//! Bounds: of lists, and of what waits.

use serde_json::{Value, json};
use wavecast::PresenceOptions;

use super::{AT_ONCE, announced, keeping, present, start, watch};
use crate::support::{Client, TestServer, config};

async fn subscribe_as(server: &TestServer, user: &str) -> Client {
    let mut client = server.connect_as(user).await;
    client.subscribe("c").await;
    client
}

fn counts(users: usize, connections: usize) -> Value {
    json!({
        "type": "presence", "channel": "c",
        "users": users, "connections": connections, "anonymous": 0,
    })
}

#[tokio::test]
async fn above_the_limit_there_are_numbers_alone_and_at_half_of_it_the_members_again() {
    let server = start(PresenceOptions {
        max_listed: 4,
        ..AT_ONCE
    })
    .await;
    let mut eve = server.connect_as("eve").await;
    watch(&mut eve).await;
    let mut others = Vec::new();
    for (index, user) in ["a", "b", "d"].into_iter().enumerate() {
        others.push(subscribe_as(&server, user).await);
        let counts = [index + 2, index + 2, 0];
        eve.expect_json(announced(&[user], &[], counts)).await;
    }
    others.push(subscribe_as(&server, "f").await);
    eve.expect_json(counts(5, 5)).await;
    // For those who come or ask now, too.
    let mut ida = server.connect_as("ida").await;
    let list = watch(&mut ida).await;
    assert_eq!(list, json!({"users": 6, "connections": 6, "anonymous": 0}));
    eve.expect_json(counts(6, 6)).await;
    for command in [
        r#"{"type":"presence","channel":"c"}"#,
        r#"{"type":"presence","channel":"c","by":"connection"}"#,
    ] {
        eve.send_text(command).await;
        eve.expect_json(counts(6, 6)).await;
    }
    for left in [5, 4, 3] {
        others.pop().unwrap().unsubscribe("c").await;
        for watcher in [&mut eve, &mut ida] {
            watcher.expect_json(counts(left, left)).await;
        }
    }
    others.pop().unwrap().unsubscribe("c").await;
    let mut members = present(&["eve", "ida"], 2, 0);
    members["type"] = "presence".into();
    members["channel"] = "c".into();
    for watcher in [&mut eve, &mut ida] {
        watcher.expect_json(members.clone()).await;
    }
    others.push(subscribe_as(&server, "g").await);
    eve.expect_json(announced(&["g"], &[], [3, 3, 0])).await;
}

#[tokio::test]
async fn connections_whose_list_is_too_large_are_only_counted() {
    let server = TestServer::start(config(|config| {
        config.topics = keeping(AT_ONCE).topics;
        config.trust_user_parameter = true;
        config.max_message_size = 16 * 1024;
        config.outbox.bytes = 64 * 1024;
    }))
    .await;
    let mut clients = Vec::new();
    // A quarter is 16 KiB, and each takes about 300 bytes.
    let name = |number| format!("{number:0>120}");
    for number in 0..70 {
        clients.push(subscribe_as(&server, &name(number)).await);
        if number == 39 || number == 69 {
            let client = &mut clients[0];
            client
                .send_text(r#"{"type":"presence","channel":"c","by":"connection"}"#)
                .await;
            let answer = client.next_json().await;
            assert_eq!(answer["connections"], number + 1);
            assert_eq!(answer["members"].is_array(), number == 39, "{answer}");
        }
    }
}

#[tokio::test]
async fn a_list_over_http_is_complete_even_above_the_limit() {
    let server = start(PresenceOptions {
        max_listed: 1,
        ..AT_ONCE
    })
    .await;
    let mut clients = Vec::new();
    for user in ["ada", "bob", "eve"] {
        clients.push(subscribe_as(&server, user).await);
    }
    let page = server.get("/api/channels/c/presence").await;
    assert_eq!(page["members"].as_array().unwrap().len(), 3, "{page}");
}
