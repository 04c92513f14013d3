//! Who may do what in the binary, with rules and tokens from its configuration.

use serde_json::json;

use super::issuer::{connect, start, status, token};
use crate::support::{Binary, Client, ConfigFile, EventSource, exchange};

/// What a `subscribe` or `join` is answered with: its type, or its code if it is an error.
async fn answer(client: &mut Client, command: &str) -> String {
    client.send_text(command).await;
    let answer = client.next_json().await;
    let kind = answer["code"].as_str().or(answer["type"].as_str());
    kind.unwrap().to_owned()
}

async fn subscribe(client: &mut Client, channel: &str) -> String {
    answer(
        client,
        &json!({"type": "subscribe", "channel": channel}).to_string(),
    )
    .await
}

async fn join(client: &mut Client, room: &str) -> String {
    answer(client, &json!({"type": "join", "room": room}).to_string()).await
}

#[tokio::test]
async fn a_token_grants_what_it_names_and_nothing_else() {
    let edge = start("").await;
    let claims = json!({"sub": "ada",
        "channels": {"news": ["subscribe"], "inbox:{user}": ["subscribe", "history"], "chat:*": ["*"]},
        "rooms": ["lobby:?"]});
    let mut ada = connect(&edge, &token(claims)).await;
    for (channel, expected) in [
        ("news", "subscribed"),
        ("inbox:ada", "subscribed"),
        ("chat:a:b", "subscribed"),
        ("$user:ada", "subscribed"),
        ("news2", "forbidden"),
        ("inbox:bob", "forbidden"),
        ("$user:bob", "forbidden"),
    ] {
        assert_eq!(subscribe(&mut ada, channel).await, expected, "{channel}");
    }
    assert_eq!(join(&mut ada, "lobby:1").await, "joined");
    assert_eq!(join(&mut ada, "lobby:12").await, "forbidden");
    let say = r#"{"type":"message","room":"lobby:1","content":1,"id":1}"#;
    assert_eq!(answer(&mut ada, say).await, "sent");
}

#[tokio::test]
async fn rules_decide_before_grants_and_the_first_that_matches_does() {
    let rules = r#"
[[channels]]
pattern = "inbox:{user}"
subscribe = "users"
[[channels]]
pattern = "audit:*"
subscribe = "nobody"
[[channels]]
pattern = "public"
subscribe = "everyone"
[[channels]]
pattern = "*"
subscribe = "granted"
[[rooms]]
pattern = "lobby:*"
join = "users"
say = "granted"
"#;
    let edge = start(rules).await;
    let all = json!({"sub": "ada", "channels": {"*": ["*"]}});
    let mut ada = connect(&edge, &token(all)).await;
    for (channel, expected) in [
        ("inbox:ada", "subscribed"),
        // Bob's, though the token grants everything.
        ("inbox:bob", "forbidden"),
        ("audit:1", "forbidden"),
        ("public", "subscribed"),
        ("other", "subscribed"),
    ] {
        assert_eq!(subscribe(&mut ada, channel).await, expected, "{channel}");
    }
    let mut star = connect(&edge, &token(json!({"sub": "*"}))).await;
    assert_eq!(subscribe(&mut star, "inbox:ada").await, "forbidden");
    assert_eq!(subscribe(&mut star, "inbox:*").await, "subscribed");
    assert_eq!(join(&mut star, "lobby:1").await, "joined");
    let say = r#"{"type":"message","room":"lobby:1","content":1,"id":1}"#;
    assert_eq!(answer(&mut star, say).await, "forbidden");
    let mut nobody = connect(&edge, &token(json!({}))).await;
    assert_eq!(subscribe(&mut nobody, "inbox:ada").await, "forbidden");
    assert_eq!(join(&mut nobody, "lobby:1").await, "forbidden");
    assert_eq!(subscribe(&mut nobody, "public").await, "subscribed");
}

#[tokio::test]
async fn without_the_right_to_the_past_only_live_events_arrive() {
    let edge = start("").await;
    let event = json!({"channel": "news", "data": {"message": "before"}});
    assert_eq!(
        edge.http("POST", "/api/events", Some(&event)).await.status,
        200
    );
    let claims = json!({"channels": {"news": ["subscribe"], "old": ["subscribe", "history"]}});
    let mut client = connect(&edge, &token(claims)).await;
    client
        .send_text(r#"{"type":"subscribe","channel":"news","last":10}"#)
        .await;
    let answer = client.next_json().await;
    assert_eq!(answer["type"], "subscribed", "{answer}");
    assert_eq!(answer["recovered"], false, "{answer}");
    assert_eq!(answer["reason"], "no_history", "{answer}");
    client
        .send_text(r#"{"type":"history","channel":"news"}"#)
        .await;
    assert_eq!(client.next_json().await["code"], "forbidden");
    client
        .send_text(r#"{"type":"history","channel":"old"}"#)
        .await;
    assert_eq!(client.next_json().await["type"], "history");
    let event = json!({"channel": "news", "data": {"message": "live"}});
    assert_eq!(
        edge.http("POST", "/api/events", Some(&event)).await.status,
        200
    );
    client.expect_event("news", "live").await;
}

#[tokio::test]
async fn without_a_token_a_client_may_do_what_is_granted_to_anybody() {
    let edge = start("[anonymous]\nchannels = { news = [\"subscribe\"] }\n").await;
    let mut client = edge.connect().await;
    assert_eq!(subscribe(&mut client, "news").await, "subscribed");
    assert_eq!(subscribe(&mut client, "chat").await, "forbidden");
    assert_eq!(join(&mut client, "lobby").await, "forbidden");
    // A token replaces that: it grants nothing of what anybody may do.
    let mut ada = connect(&edge, &token(json!({"sub": "ada"}))).await;
    assert_eq!(subscribe(&mut ada, "news").await, "forbidden");
}

#[tokio::test]
async fn with_tokens_and_nothing_for_anybody_a_connection_needs_one() {
    let edge = start("").await;
    let mut client = Client::dial(edge.address).await;
    client
        .send(crate::support::upgrade_request("/ws").as_bytes())
        .await;
    client.expect_upgrade().await;
    assert_eq!(subscribe(&mut client, "news").await, "unauthenticated");
    let auth = json!({"type": "auth", "token": token(json!({"sub": "ada", "channels": ["news"]}))});
    client.send_text(&auth.to_string()).await;
    let answer = client.next_json().await;
    assert_eq!(answer["type"], "authenticated", "{answer}");
    assert_eq!(subscribe(&mut client, "news").await, "subscribed");

    let get = "GET /sse?channel=news HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let refused = exchange(edge.address, get.as_bytes()).await;
    refused.expect_problem(401, "unauthenticated");
    let header = format!(
        "Authorization: Bearer {}\r\n",
        token(json!({"channels": ["news"]}))
    );
    let mut stream = EventSource::open_with(edge.address, "/sse?channel=news", &header).await;
    stream.expect_subscribed(&["news"]).await;
}

#[tokio::test]
async fn a_token_that_is_wrong_in_any_way_is_refused() {
    let edge = start("").await;
    let valid = token(json!({"sub": "ada"}));
    assert_eq!(status(&edge, &valid).await, 101);
    let (signed, signature) = valid.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    for wrong in [
        String::new(),
        "x".to_owned(),
        format!("{signed}."),
        format!("{signed}.{flipped}{}", &signature[1..]),
        format!("{valid}.x"),
        token(json!({"sub": "ada", "exp": 1})),
        token(json!({"sub": "ada", "exp": "never"})),
        token(json!({"sub": ""})),
        token(json!({"sub": "ada", "aud": "somebody"})),
        token(json!({"sub": "ada", "channels": {"news": ["fly"]}})),
        // A subscription token.
        token(json!({"sub": "ada", "channel": "news"})),
    ] {
        assert_eq!(status(&edge, &wrong).await, 401, "{wrong}");
    }
}

#[tokio::test]
async fn an_open_edge_allows_what_it_did() {
    let edge = Binary::start(&[]).await;
    let mut client = edge.connect().await;
    assert_eq!(subscribe(&mut client, "news").await, "subscribed");
    assert_eq!(join(&mut client, "lobby").await, "joined");
    // A header that a proxy may have left there means nothing.
    assert_eq!(status(&edge, "anything").await, 101);

    let rules = "[[channels]]\npattern = \"audit:*\"\nsubscribe = \"nobody\"\n";
    let file = ConfigFile::new(rules);
    let edge = Binary::start(&["--config", file.path()]).await;
    let mut client = edge.connect().await;
    assert_eq!(subscribe(&mut client, "audit:1").await, "forbidden");
    assert_eq!(subscribe(&mut client, "news").await, "subscribed");
}
