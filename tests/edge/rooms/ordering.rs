//! The order of what a member receives from a room while others send messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::{
    CLOSE, Client, TestServer, eventually, join_all, large_outboxes, text_frame, within,
    within_a_minute,
};

/// `count` messages for one write. Their contents are `"<name> <number>"`.
fn burst(name: &str, count: usize) -> Vec<u8> {
    let texts = (0..count)
        .map(|number| format!(r#"{{"type":"message","room":"busy","content":"{name} {number}"}}"#));
    texts.flat_map(|text| text_frame(&text)).collect()
}

/// Sends small bursts until it is told to stop, and reads everything in between.
async fn keep_sending(mut client: Client, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        client.send(&burst("chat", 5)).await;
        client.send_text(r#"{"type":"ping"}"#).await;
        within("the answer to a ping among messages", async {
            while !client.next_text().await.contains("pong") {}
        })
        .await;
    }
}

/// A server with a room in which two clients send messages until they are told to stop.
async fn busy_room() -> (TestServer, JoinSet<()>, Arc<AtomicBool>) {
    let server = TestServer::start(large_outboxes()).await;
    let stop = Arc::<AtomicBool>::default();
    let mut tasks = JoinSet::new();
    for members in 1..=2 {
        let mut client = server.connect().await;
        client.join("busy", members).await;
        tasks.spawn(keep_sending(client, stop.clone()));
    }
    (server, tasks, stop)
}

async fn end(tasks: JoinSet<()>, stop: &AtomicBool) {
    stop.store(true, Ordering::Relaxed);
    within("the end of the senders", tasks.join_all()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joined_arrives_before_the_first_message_of_the_room() {
    let (server, tasks, stop) = busy_room().await;
    within_a_minute("100 joins", async {
        for _ in 0..100 {
            let mut client = server.connect().await;
            client.join("busy", 3).await;
            let next = client.next_json().await;
            assert_eq!(next["type"], "message", "{next}");
            client.send_close(1000).await;
            within("the answer to a Close among messages", async {
                while client.next_frame().await.first != CLOSE {}
            })
            .await;
            client.expect_end().await;
            // The next client is the third member again once this one is gone.
            eventually("the member's departure", async || {
                server.server.room("busy").unwrap().members() == 2
            })
            .await;
        }
    })
    .await;
    end(tasks, &stop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_from_a_room_arrives_after_left() {
    let (server, tasks, stop) = busy_room().await;
    let mut client = server.connect().await;
    within_a_minute("100 leaves", async {
        for _ in 0..100 {
            client.join("busy", 3).await;
            client.next_text().await;
            client.send_text(r#"{"type":"leave","room":"busy"}"#).await;
            within("`left` among messages", async {
                while client.next_json().await["type"] != "left" {}
            })
            .await;
            client.expect_silence().await;
        }
    })
    .await;
    end(tasks, &stop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_members_see_one_order_and_no_message_is_lost() {
    const SENDERS: usize = 4;
    const LISTENERS: usize = 6;
    const MESSAGES: usize = 1000;

    let server = TestServer::start(large_outboxes()).await;
    let mut listeners = server.connect_many(LISTENERS).await;
    for (index, client) in listeners.iter_mut().enumerate() {
        client.join("busy", index + 1).await;
    }
    let mut senders = server.connect_many(SENDERS).await;
    for (index, client) in senders.iter_mut().enumerate() {
        client.join("busy", LISTENERS + index + 1).await;
    }

    let mut sending = JoinSet::new();
    for (index, mut client) in senders.into_iter().enumerate() {
        sending.spawn(async move {
            for chunk in 0..MESSAGES / 50 {
                client.send(&burst(&format!("{index} {chunk}"), 50)).await;
                if chunk % 5 == 4 {
                    // Waits for the others, so that nobody becomes a slow consumer.
                    let mut others = (SENDERS - 1) * 250;
                    while others > 0 {
                        others -= usize::from(client.next_json().await["type"] == "message");
                    }
                }
            }
            // It stays in the room, so that there is no `user_left` among the messages.
            client
        });
    }
    let mut listening = JoinSet::new();
    for mut client in listeners {
        listening.spawn(async move {
            let mut seen = Vec::with_capacity(SENDERS * MESSAGES);
            while seen.len() < SENDERS * MESSAGES {
                let next: Value = client.next_json().await;
                if next["type"] == "message" {
                    seen.push(next["content"].as_str().unwrap().to_owned());
                }
            }
            client.expect_silence().await;
            (client, seen)
        });
    }
    let senders = join_all("the senders", sending).await;
    let (listeners, orders): (Vec<_>, Vec<_>) = join_all("the listeners", listening)
        .await
        .into_iter()
        .unzip();
    for order in &orders {
        assert!(*order == orders[0], "two members saw different orders");
    }
    for sender in 0..SENDERS {
        let prefix = format!("{sender} ");
        let own: Vec<_> = orders[0]
            .iter()
            .filter(|seen| seen.starts_with(&prefix))
            .collect();
        let sent = (0..MESSAGES).map(|at| format!("{sender} {} {}", at / 50, at % 50));
        assert!(
            own.into_iter().eq(&sent.collect::<Vec<_>>()),
            "the order of each sender is kept"
        );
    }
    drop((senders, listeners));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_member_receives_every_message_sent_after_its_announcement() {
    // A member that has seen `user_joined` can send messages to the new member.
    let server = TestServer::start_default().await;
    let mut host = server.connect().await;
    host.join("hall", 1).await;
    within_a_minute("50 welcomes", async {
        for round in 0..50 {
            let mut guest = server.connect().await;
            guest.send_text(r#"{"type":"join","room":"hall"}"#).await;
            assert_eq!(host.next_json().await["type"], "user_joined");
            host.say("hall", &format!("welcome {round}")).await;
            assert_eq!(guest.next_json().await["type"], "joined");
            assert_eq!(
                guest.next_json().await["content"],
                format!("welcome {round}")
            );
            guest.leave("hall").await;
            assert_eq!(host.next_json().await["type"], "user_left");
        }
    })
    .await;
}
