//! Asking who is present, over HTTP.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{AT_ONCE, start};

#[tokio::test]
async fn a_page_has_users_with_their_connections_in_the_order_of_arrival() {
    let server = start(AT_ONCE).await;
    let mut clients = Vec::new();
    for user in ["eve", "ada", "bob", "ada"] {
        let mut client = server.connect_as(user).await;
        client.subscribe("c").await;
        client.join("a/b", clients.len() + 1).await;
        while client.has_received() {
            client.next_json().await;
        }
        clients.push(client);
    }
    let mut nobody = server.connect().await;
    nobody.subscribe("c").await;
    let mut page = server.get("/api/channels/c/presence").await;
    for member in page["members"].as_array_mut().unwrap() {
        let since = member["since"].take();
        assert!(since.as_str().unwrap().ends_with('Z'), "{since}");
    }
    assert_eq!(
        page,
        json!({
            "channel": "c", "users": 3, "connections": 5, "anonymous": 1,
            "members": [
                {"user": "eve", "connections": 1, "since": null},
                {"user": "ada", "connections": 2, "since": null},
                {"user": "bob", "connections": 1, "since": null},
            ],
            "next": null,
        })
    );
    let page = server.get("/api/rooms/a%2Fb/presence?limit=1").await;
    assert_eq!(
        (&page["room"], &page["next"]),
        (&json!("a/b"), &json!("eve"))
    );
    let page = server
        .get("/api/rooms/a%2Fb/presence?limit=2&after=eve")
        .await;
    assert_eq!(page["members"][1]["user"], "bob");
    assert_eq!(page["next"], Value::Null);
}

#[tokio::test]
async fn a_page_of_connections_lists_each() {
    let server = start(AT_ONCE).await;
    let (mut clients, mut ids) = (Vec::new(), BTreeSet::new());
    for index in 0..7 {
        let mut client = match index % 3 {
            0 => server.connect().await,
            _ => server.connect_as("ada").await,
        };
        client.subscribe("c").await;
        ids.insert(server.id_of(&client).await.to_string());
        clients.push(client);
    }
    let (mut found, mut after) = (BTreeSet::new(), String::new());
    loop {
        let path = format!("/api/channels/c/presence?by=connection&limit=2{after}");
        let page = server.get(&path).await;
        let counts = [&page["users"], &page["connections"], &page["anonymous"]];
        assert_eq!(counts, [&json!(1), &json!(7), &json!(3)]);
        for member in page["members"].as_array().unwrap() {
            assert!(member["since"].is_string(), "{member}");
            assert!(
                member.get("user").is_none_or(|user| user == "ada"),
                "{member}"
            );
            assert!(found.insert(member["client"].as_str().unwrap().to_owned()));
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(found, ids);
}

#[tokio::test]
async fn an_empty_room_has_an_empty_page() {
    let server = start(AT_ONCE).await;
    assert_eq!(
        server.get("/api/rooms/r/presence").await,
        json!({
            "room": "r", "users": 0, "connections": 0, "anonymous": 0, "members": [], "next": null,
        })
    );
}

#[tokio::test]
async fn a_query_that_makes_no_sense_is_refused() {
    let server = start(AT_ONCE).await;
    for (query, code, detail) in [
        ("limit=0", "invalid_query", "`limit` must be 1 to 1000"),
        (
            "after=ada",
            "invalid_query",
            "the user in `after` is no longer present; begin again without it",
        ),
        (
            "by=connection&after=ada",
            "invalid_id",
            "a connection id must be a UUID",
        ),
    ] {
        let path = format!("/api/channels/c/presence?{query}");
        let answer = server.http("GET", &path, None).await;
        assert_eq!(answer.expect_problem(400, code), detail, "{query}");
    }
    for query in ["by=colour", "colour=red"] {
        let path = format!("/api/channels/c/presence?{query}");
        let answer = server.http("GET", &path, None).await;
        answer.expect_problem(400, "invalid_query");
    }
    let answer = server.http("GET", "/api/rooms/$r/presence", None).await;
    answer.expect_problem(400, "invalid_room");
}
