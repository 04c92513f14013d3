//! Who may know who is present, and what a token shows of its user.

use serde_json::{Value, json};

use crate::support::{Client, ConfigFile, run};
use crate::tokens::issuer::{connect, now, start, token};

const RULES: &str = r#"
[[channels]]
pattern = "c"
subscribe = "users"
presence = { linger = "0s", interval = "0s", max_listed = 10 }
presence_for = "granted"
[[channels]]
pattern = "open"
subscribe = "users"
presence = true
[[channels]]
pattern = "hidden"
subscribe = "users"
presence_for = "nobody"
presence = true
[[rooms]]
pattern = "r"
join = "users"
presence = true
presence_for = "granted"
"#;

fn seeing(user: &str, info: &Value) -> String {
    let channels = json!({"c": ["presence"]});
    token(json!({"sub": user, "channels": channels, "info": info, "iat": now()}))
}

async fn ask(client: &mut Client, command: Value) -> Value {
    client.send_text(&command.to_string()).await;
    client.next_json().await
}

#[tokio::test]
async fn the_right_is_needed_to_ask_and_to_watch() {
    let edge = start(RULES).await;
    let mut bob = connect(&edge, &token(json!({"sub": "bob"}))).await;
    for (command, topic, expected) in [
        ("subscribe", json!({"channel": "c"}), "forbidden"),
        ("presence", json!({"channel": "c"}), "forbidden"),
        ("presence", json!({"channel": "hidden"}), "forbidden"),
        ("subscribe", json!({"channel": "hidden"}), "forbidden"),
        ("presence", json!({"channel": "unknown"}), "forbidden"),
        ("join", json!({"room": "r"}), "forbidden"),
        ("presence", json!({"room": "r"}), "not_in_room"),
        // Where nothing else is said, it follows `subscribe`.
        ("subscribe", json!({"channel": "open"}), "subscribed"),
        ("presence", json!({"channel": "open"}), "presence"),
    ] {
        let mut asked = topic.clone();
        asked["type"] = command.into();
        asked["presence"] = true.into();
        let answer = ask(&mut bob, asked).await;
        let found = answer["code"].as_str().or(answer["type"].as_str());
        assert_eq!(found, Some(expected), "{command} {topic}: {answer}");
    }
    // A subscription that is refused does not exist.
    let unsubscribe = json!({"type": "unsubscribe", "channel": "c"});
    assert_eq!(ask(&mut bob, unsubscribe).await["code"], "not_subscribed");
    let join = json!({"type": "join", "room": "r"});
    assert_eq!(ask(&mut bob, join).await["type"], "joined");
    let asking = json!({"type": "presence", "room": "r"});
    assert_eq!(ask(&mut bob, asking).await["code"], "forbidden");
}

#[tokio::test]
async fn a_newer_token_shows_its_info() {
    let edge = start(RULES).await;
    let mut eve = connect(&edge, &seeing("eve", &json!("Eve"))).await;
    let watch = json!({"type": "subscribe", "channel": "c", "presence": true});
    let subscribed = ask(&mut eve, watch).await;
    assert_eq!(
        subscribed["presence"]["members"],
        json!([{"user": "eve", "info": "Eve"}])
    );
    let mut ada = connect(&edge, &seeing("ada", &json!({"name": "Ada"}))).await;
    ada.subscribe("c").await;
    let joined = eve.next_json().await;
    assert_eq!(
        joined["joined"],
        json!([{"user": "ada", "info": {"name": "Ada"}}])
    );
    let auth = json!({"type": "auth", "token": seeing("ada", &json!("Lady Ada"))});
    assert_eq!(ask(&mut ada, auth).await["type"], "authenticated");
    let renewed = eve.next_json().await;
    assert_eq!(
        renewed["joined"],
        json!([{"user": "ada", "info": "Lady Ada"}])
    );
    assert_eq!(renewed["left"], json!([]));
    // Another connection with an older token changes nothing, nor does the same again.
    let older = token(json!({"sub": "ada", "info": "Old", "iat": now() - 100}));
    let mut second = connect(&edge, &older).await;
    second.subscribe("c").await;
    second.unsubscribe("c").await;
    ada.unsubscribe("c").await;
    assert_eq!(eve.next_json().await["left"], json!(["ada"]));
    // Without an info, there is none.
    let mut bob = connect(&edge, &token(json!({"sub": "bob"}))).await;
    bob.subscribe("c").await;
    assert_eq!(eve.next_json().await["joined"], json!([{"user": "bob"}]));
}

#[tokio::test]
async fn a_watcher_whose_newer_token_lacks_the_right_is_told_no_more() {
    let edge = start(RULES).await;
    let mut eve = connect(&edge, &seeing("eve", &json!(1))).await;
    let mut ida = connect(&edge, &seeing("ida", &json!(1))).await;
    let watch = json!({"type": "subscribe", "channel": "c", "presence": true});
    ask(&mut eve, watch.clone()).await;
    ask(&mut ida, watch).await;
    assert_eq!(eve.next_json().await["joined"][0]["user"], "ida");
    let auth = json!({"type": "auth", "token": token(json!({"sub": "eve", "info": 1}))});
    assert_eq!(ask(&mut eve, auth).await["type"], "authenticated");
    let mut bob = connect(&edge, &token(json!({"sub": "bob"}))).await;
    bob.subscribe("c").await;
    assert_eq!(ida.next_json().await["joined"], json!([{"user": "bob"}]));
    eve.expect_silence().await;
    // It is still subscribed.
    let unsubscribe = json!({"type": "unsubscribe", "channel": "c"});
    assert_eq!(ask(&mut eve, unsubscribe).await["type"], "unsubscribed");
}

#[tokio::test]
async fn a_token_for_a_channel_alone_may_grant_it() {
    let edge = start(RULES).await;
    let mut bob = connect(&edge, &token(json!({"sub": "bob"}))).await;
    for (allow, expected) in [
        (json!(["subscribe"]), "forbidden"),
        (json!(["subscribe", "presence"]), "subscribed"),
    ] {
        let claims = json!({"sub": "bob", "channel": "c", "allow": allow, "info": "Bob"});
        let watch =
            json!({"type": "subscribe", "channel": "c", "presence": true, "token": token(claims)});
        let answer = ask(&mut bob, watch).await;
        let found = answer["code"].as_str().or(answer["type"].as_str());
        assert_eq!(found, Some(expected), "{answer}");
        if expected == "subscribed" {
            let members = &answer["presence"]["members"];
            assert_eq!(*members, json!([{"user": "bob", "info": "Bob"}]));
        }
    }
}

#[tokio::test]
async fn a_watcher_whose_newer_token_for_the_channel_lacks_the_right_is_told_no_more() {
    for position in [json!(null), json!({"last": 0})] {
        let edge = start(RULES).await;
        let mut watchers = Vec::new();
        for user in ["eve", "ida"] {
            let mut watcher = connect(&edge, &token(json!({"sub": user}))).await;
            let granting = |allow| token(json!({"sub": user, "channel": "c", "allow": allow}));
            let watching = granting(json!(["subscribe", "presence"]));
            let mut subscribe =
                json!({"type": "subscribe", "channel": "c", "presence": true, "token": watching});
            assert_eq!(
                ask(&mut watcher, subscribe.clone()).await["type"],
                "subscribed"
            );
            subscribe.as_object_mut().unwrap().remove("presence");
            if user == "eve" {
                subscribe["token"] = granting(json!(["subscribe"])).into();
            }
            if let Some(position) = position.as_object() {
                subscribe.as_object_mut().unwrap().extend(position.clone());
            }
            assert_eq!(ask(&mut watcher, subscribe).await["type"], "subscribed");
            watchers.push(watcher);
        }
        let [eve, ida] = &mut watchers[..] else {
            unreachable!()
        };
        let mut bob = connect(&edge, &token(json!({"sub": "bob"}))).await;
        bob.subscribe("c").await;
        assert_eq!(ida.next_json().await["joined"], json!([{"user": "bob"}]));
        eve.expect_silence().await;
    }
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_a_problem() {
    for (value, problem) in [
        (
            "\"users\"",
            "`channels.presence`: \"users\" says who may see it; that is `presence_for`",
        ),
        (
            "7",
            "`channels.presence`: 7 does not say how presence is kept; write true, false, or { linger, interval, max_listed }",
        ),
        ("{ lingers = \"1s\" }", "lingers"),
    ] {
        let text = format!("[[channels]]\npattern = \"c\"\npresence = {value}\n");
        let file = ConfigFile::new(&text);
        let output = run(&["config", "check", file.path()]).await;
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(problem), "{error}");
    }
    let text = "[[rooms]]\npattern = \"c\"\npresence = { linger = \"0s\" }\n[[channels]]\npattern = \"c\"\npresence = false\n";
    let file = ConfigFile::new(text);
    let output = run(&["config", "check", file.path()]).await;
    assert_eq!(output.status.code(), Some(0));
}
