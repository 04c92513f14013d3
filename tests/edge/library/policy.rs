//! The questions that an application's policy is asked, and the effect of its answers on the
//! wire.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::duplex;
use tokio::net::TcpListener;
use uuid::Uuid;
use wavecast::WebSocketServer;
use wavecast::hub::ClientInfo;
use wavecast::policy::{Connect, Decision, ErrorCode, Identity, Policy};
use wavecast::transport::websocket::Stream;

use super::gate::{start, start_with, user, with_history};
use super::identity::connect_as;
use crate::support::{
    Client, EventSource, config, eventually, exchange, post_text, upgrade_request,
};

#[tokio::test]
async fn the_policy_is_asked_about_every_command_and_nothing_else() {
    let (server, gate) = start().await;
    let mut ada = connect_as(&server, "/ws", "ada").await;
    ada.subscribe("news").await;
    ada.subscribe("$all").await;
    ada.subscribe("$user:ada").await;
    let forbidden =
        r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"$user:bob"}"#;
    ada.ask(r#"{"type":"subscribe","channel":"$user:bob"}"#, forbidden)
        .await;
    ada.join("general", 1).await;
    ada.say("general", "hi").await;
    // The policy is not asked about a message from a non-member.
    ada.ask(
        r#"{"type":"message","room":"elsewhere","content":"hi"}"#,
        r#"{"type":"error","code":"not_in_room","message":"Not in room","room":"elsewhere"}"#,
    )
    .await;
    ada.leave("general").await;
    ada.unsubscribe("news").await;
    assert_eq!(
        gate.take(),
        [
            "ada connect ",
            "ada subscribe news",
            "ada join general",
            "ada message \"hi\"",
        ]
    );
    let edge = &server.server;
    let id = Uuid::from_u128(1);
    edge.join_room("closed", id).await.unwrap();
    edge.publish("audit", &1).await.unwrap();
    edge.cleanup_client(id).await.unwrap();
    assert_eq!(gate.take(), Vec::<String>::new(), "the application's own");
    ada.close().await;
    eventually("the end", async || edge.node().links() == 0).await;
    assert_eq!(gate.take(), ["ada disconnect "]);
}

#[tokio::test]
async fn a_refused_command_names_its_subject_and_the_connection_stays_open() {
    let (server, _gate) = start().await;
    let mut bob = connect_as(&server, "/ws", "bob").await;
    bob.ask(
        r#"{"type":"subscribe","channel":"inbox:ada","id":1}"#,
        r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"inbox:ada","id":1}"#,
    )
    .await;
    bob.ask(
        r#"{"type":"join","room":"closed"}"#,
        r#"{"type":"error","code":"room_full","message":"Room full","room":"closed"}"#,
    )
    .await;
    bob.join("general", 1).await;
    bob.ask(
        r#"{"type":"message","room":"general","content":"secret","id":"m"}"#,
        r#"{"type":"error","code":"forbidden","message":"Forbidden","room":"general","id":"m"}"#,
    )
    .await;
    assert_eq!(server.publish("inbox:ada", "for ada").await, 0);
    bob.subscribe("inbox:bob").await;
    assert_eq!(server.publish("inbox:bob", "for bob").await, 1);
    bob.expect_event("inbox:bob", "for bob").await;
}

#[tokio::test]
async fn the_policy_can_change_identities_and_messages() {
    let (server, gate) = start().await;
    let mut alias = connect_as(&server, "/ws", "alias").await;
    let mut other = connect_as(&server, "/ws", "bob").await;
    alias.join("seven", 1).await;
    other
        .ask(
            r#"{"type":"join","room":"seven"}"#,
            r#"{"type":"error","code":"forbidden","message":"Forbidden","room":"seven"}"#,
        )
        .await;
    alias.join("general", 1).await;
    other.join("general", 2).await;
    alias.next_text().await;
    alias.say("general", "damn").await;
    other
        .expect_text(r#"{"type":"message","room":"general","from":"ada","content":"****"}"#)
        .await;
    let event = json!({"user": "ada", "data": {"message": "yours"}});
    let sent = server.post("/api/events", &event).await.json();
    assert_eq!(sent["subscribers"], 1);
    alias.expect_event("$user:ada", "yours").await;
    alias.close().await;
    eventually("the end", async || {
        gate.0
            .lock()
            .unwrap()
            .contains(&"ada disconnect ".to_owned())
    })
    .await;
}

#[tokio::test]
async fn a_refused_connection_gets_a_problem_and_leaves_nothing_behind() {
    let (server, gate) = start().await;
    let handshake = upgrade_request("/ws").replacen(
        "Connection: Upgrade\r\n",
        "Connection: Upgrade, close\r\nX-User: mallory\r\n",
        1,
    );
    let refused = exchange(server.address, handshake.as_bytes()).await;
    assert_eq!(
        refused.expect_problem(403, "forbidden"),
        "mallory is banned"
    );
    let stream = "GET /sse?channel=news HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                  X-User: mallory\r\n\r\n";
    let refused = exchange(server.address, stream.as_bytes()).await;
    assert_eq!(
        refused.expect_problem(403, "forbidden"),
        "mallory is banned"
    );
    assert_eq!(gate.take(), ["mallory connect ", "mallory connect "]);
    assert_eq!(server.server.node().links(), 0);
}

#[tokio::test]
async fn the_policy_is_asked_about_each_channel_of_an_event_stream() {
    let (server, gate) = start().await;
    let refused = server
        .http("GET", "/sse?channel=news&channel=inbox:ada", None)
        .await;
    let detail = refused.expect_problem(403, "forbidden");
    assert_eq!(detail, r#"channel "inbox:ada": Forbidden"#);
    eventually("its end", async || server.server.node().links() == 0).await;
    assert_eq!(
        gate.take(),
        [
            "anybody connect ",
            "anybody subscribe news",
            "anybody subscribe inbox:ada",
            "anybody disconnect ",
        ]
    );
    let login = "X-User: ada\r\n";
    let mut own = EventSource::open_with(server.address, "/sse?channel=inbox:ada", login).await;
    own.expect_subscribed(&["inbox:ada"]).await;
    server.publish("inbox:ada", "hello").await;
    assert_eq!(own.next_json().await["data"]["message"], "hello");
}

#[tokio::test]
async fn a_policy_can_drop_a_resume_request() {
    let (server, _gate) = start_with(with_history()).await;
    server.publish("inbox:ada", "before").await;
    let mut ada = connect_as(&server, "/ws", "ada").await;
    ada.ask(
        r#"{"type":"subscribe","channel":"inbox:ada","since":{"offset":0,"epoch":"e"},"last":5}"#,
        r#"{"type":"subscribed","channel":"inbox:ada","recovered":false,"reason":"no_history"}"#,
    )
    .await;
    server.publish("inbox:ada", "after").await;
    ada.expect_event("inbox:ada", "after").await;
    ada.ask(
        r#"{"type":"join","room":"fresh","since":{"offset":0,"epoch":"e"}}"#,
        r#"{"type":"joined","room":"fresh","members":1,"recovered":false,"reason":"no_history"}"#,
    )
    .await;
    // An event stream starts with live events only, and its answer says so.
    let login = "X-User: ada\r\nLast-Event-ID: AAAA\r\n";
    let path = "/sse?channel=inbox:ada&last=5";
    let mut stream = EventSource::open_with(server.address, path, login).await;
    let subscribed = stream.next_json().await;
    assert_eq!(subscribed["type"], "subscribed", "{subscribed}");
    assert_eq!(subscribed["offset"], Value::Null);
    server.publish("inbox:ada", "live").await;
    assert_eq!(stream.next_json().await["data"]["message"], "live");
}

#[tokio::test]
async fn a_history_can_be_read_by_those_who_may_subscribe() {
    let (server, gate) = start_with(with_history()).await;
    server.publish("inbox:ada", "for ada").await;
    let (mut ada, mut bob) = (
        connect_as(&server, "/ws", "ada").await,
        connect_as(&server, "/ws", "bob").await,
    );
    gate.take();
    let command = r#"{"type":"history","channel":"inbox:ada","last":1}"#;
    bob.ask(
        command,
        r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"inbox:ada"}"#,
    )
    .await;
    ada.send_text(command).await;
    let page = ada.next_json().await;
    assert_eq!(page["items"][0]["data"]["message"], "for ada", "{page}");
    assert_eq!(
        gate.take(),
        ["bob subscribe inbox:ada", "ada subscribe inbox:ada"]
    );
}

#[tokio::test]
async fn the_policy_can_refuse_or_change_events_of_the_http_api() {
    let (server, gate) = start().await;
    let mut client = server.connect().await;
    client.subscribe("news").await;
    client.subscribe("audit").await;
    gate.take();
    let all = json!({"broadcast": true, "data": {"n": 1}});
    let refused = server.post("/api/events", &all).await;
    refused.expect_problem(403, "forbidden");
    let raw = json!({"channel": "news", "event": "raw", "data": {"dirty": 1}});
    assert_eq!(server.post("/api/events", &raw).await.status, 200);
    let event = client.next_json().await;
    assert_eq!(event["event"], "cooked");
    assert_eq!(event["data"]["clean"], true);
    assert_eq!(event["data"]["dirty"], Value::Null);

    // One refused event causes its whole batch to be refused.
    let news = json!({"channel": "news", "data": {"n": 2}});
    let audit = json!({"channels": ["news", "audit"], "data": {"n": 3}});
    let batch = json!({"events": [news, audit]});
    let refused = server.post("/api/events/batch", &batch).await;
    let detail = refused.expect_problem(403, "forbidden");
    assert_eq!(detail, "events[1]: Forbidden");
    client.expect_silence().await;
    assert_eq!(
        gate.take(),
        [
            r#"the API publish {"n":1}"#,
            r#"the API publish {"dirty":1}"#,
            r#"the API publish {"n":2}"#,
            r#"the API publish {"n":3}"#,
        ]
    );

    // The publisher is the user that is logged in.
    let login = "X-User: shop\r\nContent-Type: application/json\r\n";
    let body = r#"{"channel":"audit","data":{"n":4}}"#;
    let sent = post_text(server.address, "/api/events", login, body).await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    assert_eq!(client.next_json().await["data"]["n"], 4);
}

/// Refuses every connection.
struct Closed;

impl Policy for Closed {
    fn connect<'a>(&'a self, _: Connect<'a>) -> Decision<'a, Identity> {
        Decision::refuse(ErrorCode::Forbidden)
    }
}

#[tokio::test]
async fn a_stream_that_is_handed_over_is_closed_if_it_is_refused() {
    let server = WebSocketServer::builder(config(|_| {})).policy(Closed);
    let server = Arc::new(server.build().unwrap());
    let (near, far) = duplex(1024);
    let serving = server.clone();
    server
        .tasks()
        .spawn(async move { serving.handle_connection(Stream::other(far)).await });
    let mut in_memory = Client::over(near);
    assert_eq!(in_memory.expect_close(1008).await, "refused");
    in_memory.expect_end().await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut plain = Client::dial(listener.local_addr().unwrap()).await;
    let (accepted, _) = listener.accept().await.unwrap();
    let serving = server.clone();
    server
        .tasks()
        .spawn(async move { serving.handle_connection(accepted).await });
    assert_eq!(plain.expect_close(1008).await, "refused");
    plain.expect_end().await;
    assert_eq!(server.node().links(), 0);
}

#[tokio::test]
async fn a_connection_that_was_allowed_but_not_established_is_reported_as_disconnected() {
    let (server, gate) = start().await;
    let info = ClientInfo {
        identity: Some(Arc::new(user("ada"))),
        ..ClientInfo::default()
    };
    drop(server.server.node().admit(info, None).await.unwrap());
    assert_eq!(gate.take(), ["ada connect ", "ada disconnect "]);
}

#[tokio::test]
async fn a_client_that_the_application_removes_is_reported_as_disconnected_once() {
    let (server, gate) = start().await;
    let client = server.connect().await;
    let id = server.id_of(&client).await;
    gate.take();
    for _ in 0..2 {
        server.server.cleanup_client(id).await.expect("known");
    }
    drop(client);
    eventually("its end", async || server.server.node().links() == 0).await;
    let told = gate.take();
    let ends = told.iter().filter(|told| told.contains("disconnect"));
    assert_eq!(ends.count(), 1, "{told:?}");
}
