//! A policy that takes its time, takes too long, or panics.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;
use wavecast::policy::{
    Allowed, Connect, Decision, Edit, ErrorCode, Join, Json, Message, Publish, Subscribe, Target,
    Terms,
};
use wavecast::{ClientRef, Identity, Policy, WebSocketServer};

use crate::support::{
    Client, EventSource, TestServer, config, eventually, read_head, upgrade_request, within,
};

/// Decides by the name: `wait…` when it is released, `never…` never, `slow…` after a third of
/// the deadline of a batch; on `panic…` it panics.
struct Slow {
    asked: Semaphore,
    released: Semaphore,
}

impl Slow {
    fn decide<'a, T: Send + 'a>(&'a self, name: &str) -> Decision<'a, T> {
        self.asked.add_permits(1);
        if name.starts_with("wait") {
            let refused = name.ends_with("refused");
            return Decision::later(async move {
                self.released.acquire().await.expect("open").forget();
                if refused {
                    return Err(ErrorCode::Forbidden.into());
                }
                Ok(Allowed::AsAsked)
            });
        }
        if name.starts_with("never") {
            return Decision::later(pending());
        }
        if name.starts_with("slow") {
            return Decision::later(async {
                tokio::time::sleep(BATCH_TIMEOUT / 3).await;
                Ok(Allowed::AsAsked)
            });
        }
        assert!(!name.starts_with("panic"), "on purpose");
        if name.starts_with("later panic") {
            return Decision::later(async { panic!("on purpose") });
        }
        Decision::allow()
    }

    /// Waits until it is asked one more time.
    async fn was_asked(&self) {
        let asked = within("a question", self.asked.acquire()).await;
        asked.expect("open").forget();
    }
}

impl Policy for Slow {
    fn connect<'a>(&'a self, asked: Connect<'a>) -> Decision<'a, Identity> {
        self.decide(asked.client.user().unwrap_or_default())
    }
    fn disconnect(&self, client: ClientRef<'_>) {
        assert_ne!(client.user(), Some("fragile"), "on purpose");
    }
    fn subscribe<'a>(&'a self, asked: Subscribe<'a>) -> Decision<'a, Terms> {
        self.decide(asked.channel.as_str())
    }
    fn join<'a>(&'a self, asked: Join<'a>) -> Decision<'a, Terms> {
        self.decide(asked.room.as_str())
    }
    fn message<'a>(&'a self, asked: Message<'a>) -> Decision<'a, Json> {
        self.decide(asked.content.as_str().trim_matches('"'))
    }
    fn publish<'a>(&'a self, asked: Publish<'a>) -> Decision<'a, Edit> {
        match asked.target {
            Target::Channels(channels) => self.decide(channels[0].as_str()),
            _ => Decision::allow(),
        }
    }
}

const BATCH_TIMEOUT: Duration = Duration::from_millis(300);
const FOREVER: Duration = Duration::from_secs(3600);

async fn start(timeout: Duration) -> (TestServer, Arc<Slow>) {
    let slow = Arc::new(Slow {
        asked: Semaphore::new(0),
        released: Semaphore::new(0),
    });
    let config = config(|config| {
        config.limits.policy_timeout = timeout;
        config.trust_user_parameter = true;
    });
    let server = WebSocketServer::builder(config).policy(slow.clone());
    let server = Arc::new(server.build().expect("a configuration that works"));
    let router = server.router();
    (TestServer::start_behind(server, router).await, slow)
}

#[tokio::test]
async fn the_next_command_waits_for_a_decision_and_other_clients_do_not() {
    let (server, slow) = start(FOREVER).await;
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    client
        .send_text(
            r#"[{"type":"subscribe","channel":"wait"},{"type":"join","room":"wait refused"},{"type":"ping"}]"#,
        )
        .await;
    for _ in 0..3 {
        slow.was_asked().await;
    }
    other.subscribe("news").await;
    other.expect_silence().await;
    let early = server.server.publish("wait", &1).await.unwrap();
    assert_eq!(early.subscribers, 0);
    slow.released.add_permits(1);
    client
        .expect_text(r#"{"type":"subscribed","channel":"wait"}"#)
        .await;
    slow.released.add_permits(1);
    client
        .expect_text(
            r#"{"type":"error","code":"forbidden","message":"Forbidden","room":"wait refused"}"#,
        )
        .await;
    client.expect_text(r#"{"type":"pong"}"#).await;
}

#[tokio::test]
async fn a_decision_that_takes_too_long_is_refused_as_overloaded() {
    let (server, _slow) = start(Duration::from_millis(50)).await;
    let mut client = server.connect().await;
    let overloaded = r#"{"type":"error","code":"overloaded","message":"Server is overloaded","#;
    client
        .ask(
            r#"{"type":"subscribe","channel":"never"}"#,
            &format!(r#"{overloaded}"channel":"never"}}"#),
        )
        .await;
    client
        .ask(
            r#"{"type":"join","room":"never"}"#,
            &format!(r#"{overloaded}"room":"never"}}"#),
        )
        .await;
    client.join("general", 1).await;
    client
        .ask(
            r#"{"type":"message","room":"general","content":"never"}"#,
            &format!(r#"{overloaded}"room":"general"}}"#),
        )
        .await;
    client
        .ask(
            r#"{"type":"history","channel":"never","last":1}"#,
            &format!(r#"{overloaded}"channel":"never"}}"#),
        )
        .await;
    client.subscribe("news").await;

    let event = json!({"channel": "never", "data": 1});
    let refused = server.post("/api/events", &event).await;
    let detail = refused.expect_problem(503, "overloaded");
    assert_eq!(detail, "the application did not decide in time");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let stream = server.http("GET", "/sse?channel=never", None).await;
    stream.expect_problem(503, "overloaded");
    let mut late = Client::dial(server.address).await;
    late.send(upgrade_request("/ws?user=never").as_bytes())
        .await;
    let head = read_head(late.stream()).await;
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
}

#[tokio::test]
async fn a_batch_has_one_deadline_for_all_decisions() {
    let (server, slow) = start(BATCH_TIMEOUT).await;
    // Each decision alone would be in time.
    let batch = json!({ "events": vec![json!({"channel": "slow", "data": 1}); 10] });
    let refused = server.post("/api/events/batch", &batch).await;
    let detail = refused.expect_problem(503, "overloaded");
    let asked = slow.asked.available_permits();
    assert!((1..5).contains(&asked), "asked {asked} times");
    let late = asked - 1;
    let expected = format!("events[{late}]: the application did not decide in time");
    assert_eq!(detail, expected);
}

#[tokio::test]
async fn a_connection_that_ends_does_not_wait_for_a_decision() {
    let (server, slow) = start(FOREVER).await;
    let mut client = server.connect().await;
    let id = server.id_of(&client).await;
    slow.was_asked().await;
    client
        .send_text(r#"{"type":"subscribe","channel":"never"}"#)
        .await;
    slow.was_asked().await;
    let handle = server.server.client(id).expect("the client");
    handle.close("enough").await.unwrap();
    assert_eq!(client.expect_close(4000).await, "enough");
    client.expect_end().await;
    drop(client);
    eventually("its end", async || server.server.node().links() == 0).await;
    assert!(server.server.client(id).is_none());
}

#[tokio::test]
async fn a_client_that_is_closed_during_a_decision_has_no_further_command_carried_out() {
    let (server, slow) = start(FOREVER).await;
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    client.join("general", 1).await;
    other.join("general", 2).await;
    let id = server.id_of(&client).await;
    for _ in 0..4 {
        slow.was_asked().await;
    }
    client
        .send_text(
            r#"[{"type":"subscribe","channel":"never"},
                {"type":"message","room":"general","content":"late"}]"#,
        )
        .await;
    slow.was_asked().await;
    let handle = server.server.client(id).expect("the client");
    handle.close("enough").await.unwrap();
    assert_eq!(other.next_json().await["type"], "user_left");
    other.expect_silence().await;
}

#[tokio::test]
async fn a_message_is_refused_if_the_membership_ended_during_the_decision() {
    let (server, slow) = start(FOREVER).await;
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    client.join("general", 1).await;
    other.join("general", 2).await;
    client.next_text().await;
    let id = server.id_of(&client).await;
    for _ in 0..4 {
        slow.was_asked().await;
    }
    client.say("general", "wait").await;
    slow.was_asked().await;
    server.server.leave_room("general", id).await.unwrap();
    client
        .expect_text(r#"{"type":"left","room":"general"}"#)
        .await;
    slow.released.add_permits(1);
    client
        .expect_text(
            r#"{"type":"error","code":"not_in_room","message":"Not in room","room":"general"}"#,
        )
        .await;
    assert_eq!(other.next_json().await["type"], "user_left");
    other.expect_silence().await;
}

#[tokio::test]
async fn a_panic_in_the_policy_ends_only_that_connection_or_request() {
    let (server, _slow) = start(FOREVER).await;
    let mut witness = server.connect().await;
    witness.join("general", 1).await;
    let commands = [
        r#"{"type":"subscribe","channel":"panic"}"#,
        r#"{"type":"subscribe","channel":"later panic"}"#,
        r#"{"type":"join","room":"panic"}"#,
        r#"{"type":"message","room":"general","content":"panic"}"#,
        r#"{"type":"history","channel":"panic","last":1}"#,
    ];
    for command in commands {
        let mut client = server.connect().await;
        client.join("general", 2).await;
        assert_eq!(witness.next_json().await["type"], "user_joined");
        client.send_text(command).await;
        assert_eq!(client.expect_close(1011).await, "internal error");
        client.expect_end().await;
        assert_eq!(witness.next_json().await["type"], "user_left");
    }
    for path in ["/sse?channel=panic", "/sse?channel=news&user=panic"] {
        let refused = server.http("GET", path, None).await;
        refused.expect_problem(500, "internal");
    }
    for user in ["panic", "later%20panic"] {
        let mut refused = Client::dial(server.address).await;
        let handshake = upgrade_request(&format!("/ws?user={user}"));
        refused.send(handshake.as_bytes()).await;
        let head = read_head(refused.stream()).await;
        assert!(head.starts_with("HTTP/1.1 500 "), "{head}");
    }
    let event = json!({"channel": "panic", "data": 1});
    let refused = server.post("/api/events", &event).await;
    refused.expect_problem(500, "internal");

    // It is called, and its panic is ignored.
    let mut fragile = server.connect_as("fragile").await;
    fragile.join("general", 2).await;
    assert_eq!(witness.next_json().await["type"], "user_joined");
    fragile.close().await;
    assert_eq!(witness.next_json().await["type"], "user_left");
    let mut stream = EventSource::open(server.address, "/sse?channel=news").await;
    stream.expect_subscribed(&["news"]).await;
    witness.expect_silence().await;
    eventually("all but two to be gone", async || {
        server.server.node().links() == 2
    })
    .await;
    assert_eq!(server.server.room("general").unwrap().members(), 1);
}
