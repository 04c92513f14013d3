//! The lists of connections, channels and rooms.

use serde_json::{Value, json};
use wavecast::history::HistoryLimits;
use wavecast::hub::{TopicOptions, TopicRules};

use crate::support::{TestServer, config, eventually};

/// Reads a list page by page and returns all items.
async fn read_pages(server: &TestServer, path: &str, limit: usize) -> Vec<Value> {
    let list = path.rsplit('/').next().unwrap();
    let (mut items, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{path}?limit={limit}{after}")).await;
        let found = page[list].as_array().expect("a list");
        assert!(found.len() <= limit);
        items.extend(found.iter().cloned());
        let Some(next) = page["next"].as_str() else {
            assert_eq!(page["total"], items.len());
            return items;
        };
        assert_eq!(found.len(), limit, "only the last page may be short");
        after = format!("&after={next}");
    }
}

#[tokio::test]
async fn connections_are_listed_page_by_page() {
    let server = TestServer::start_default().await;
    let clients = server.connect_many(25).await;
    let all = read_pages(&server, "/api/connections", 10).await;
    let remotes: Vec<Value> = clients
        .iter()
        .map(|client| json!(client.local_addr().to_string()))
        .collect();
    let listed: Vec<Value> = all
        .iter()
        .map(|connection| connection["remote"].clone())
        .collect();
    assert_eq!(listed, remotes, "in the order in which they connected");
    // A page that ends with the list has no `next`.
    assert_eq!(read_pages(&server, "/api/connections", 25).await.len(), 25);
    assert_eq!(read_pages(&server, "/api/connections", 1).await.len(), 25);
    let defaults = server.get("/api/connections").await;
    assert_eq!(
        (&defaults["total"], &defaults["next"]),
        (&json!(25), &Value::Null)
    );
}

#[tokio::test]
async fn channels_and_rooms_are_listed_page_by_page() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    for index in (0..7).rev() {
        client.subscribe(&format!("channel-{index}")).await;
        client.join(&format!("room-{index}"), 1).await;
    }
    server.publish("channel-3", "counted").await;
    for limit in [1, 3, 7, 100] {
        let channels = read_pages(&server, "/api/channels", limit).await;
        let expected = (0..7).map(|at| {
            json!({"name": format!("channel-{at}"), "subscribers": 1, "events": u8::from(at == 3)})
        });
        assert_eq!(channels, expected.collect::<Vec<_>>());
        let rooms = read_pages(&server, "/api/rooms", limit).await;
        let names =
            (0..7).map(|at| json!({"name": format!("room-{at}"), "members": 1, "messages": 0}));
        assert_eq!(rooms, names.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn invalid_pages_are_refused() {
    let server = TestServer::start_default().await;
    for list in ["connections", "channels", "rooms"] {
        for query in [
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=ten",
            "offset=5",
            "limit=1&limit=2",
        ] {
            let response = server
                .http("GET", &format!("/api/{list}?{query}"), None)
                .await;
            let detail = response.expect_problem(400, "invalid_query");
            assert!(!detail.contains("deserialize"), "{detail}");
            if ["limit=ten", "limit=-1"].contains(&query) {
                assert_eq!(detail, "`limit` must be a whole number");
            }
        }
        assert_eq!(
            server.get(&format!("/api/{list}?limit=1000")).await["total"],
            0
        );
    }
    let response = server.http("GET", "/api/connections?after=5", None).await;
    response.expect_problem(400, "invalid_id");
}

#[tokio::test]
async fn the_next_page_is_found_though_the_last_of_the_previous_one_has_gone() {
    let server = TestServer::start_default().await;
    let mut clients = server.connect_many(4).await;
    for (index, client) in clients.iter_mut().enumerate() {
        client.subscribe(&format!("channel-{index}")).await;
    }
    let lists = ["/api/connections", "/api/channels"];
    let mut next = Vec::new();
    for list in lists {
        let page = server.get(&format!("{list}?limit=2")).await;
        next.push(page["next"].as_str().expect("more").to_owned());
    }
    clients.remove(1).close().await;
    eventually("one less", async || server.links() == 3).await;
    for (list, next) in lists.iter().zip(next) {
        let page = server.get(&format!("{list}?limit=2&after={next}")).await;
        let items = page[&list[5..]].as_array().expect("a list");
        assert_eq!((items.len(), &page["total"]), (2, &json!(3)), "{page}");
        assert_eq!(page["next"], Value::Null);
    }
}

#[tokio::test]
async fn only_topics_with_members_are_listed_and_none_of_the_server() {
    let server = TestServer::start(config(|config| {
        config.trust_user_parameter = true;
        config.topics = TopicRules::all(TopicOptions {
            history: Some(HistoryLimits::default()),
            ..TopicOptions::default()
        });
    }))
    .await;
    server.publish("kept", "without subscribers").await;
    // Subscribed to `$user:ada` as well.
    let mut ada = server.connect_as("ada").await;
    let mut other = server.connect().await;
    for client in [&mut ada, &mut other] {
        client.subscribe("news").await;
    }
    ada.subscribe("left").await;
    ada.unsubscribe("left").await;
    let news = |subscribers: u32| {
        json!({
            "channels": [{"name": "news", "subscribers": subscribers, "events": 0}],
            "total": 1,
            "next": null
        })
    };
    assert_eq!(server.get("/api/channels").await, news(2));
    let stats = server.get("/api/stats").await;
    assert_eq!(stats["channels"], json!({"news": 2}));
    assert_eq!(stats["channels_total"], 1);
    assert_eq!(stats["rooms_total"], 0);
    ada.close().await;
    eventually("one less", async || server.links() == 1).await;
    assert_eq!(server.get("/api/channels").await, news(1));
    other.close().await;
    eventually("nobody", async || server.links() == 0).await;
    assert_eq!(server.get("/api/channels").await["total"], 0);
}

/// A page of 1000 connections could have taken 200 MB.
#[tokio::test]
async fn a_page_that_gets_too_large_ends_and_the_next_one_follows() {
    const CLIENTS: usize = 8;
    let server = TestServer::start_default().await;
    let mut clients = server.connect_many(CLIENTS).await;
    let padding = "x".repeat(190);
    let subscribe = |number| format!(r#"{{"type":"subscribe","channel":"{number:03}{padding}"}}"#);
    for client in &mut clients {
        // As many as fit in one message.
        for start in (0..1000).step_by(200) {
            let commands: Vec<String> = (start..start + 200).map(subscribe).collect();
            client.send_text(&format!("[{}]", commands.join(","))).await;
            for _ in 0..200 {
                client.next_text().await;
            }
        }
    }
    let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = server
            .get(&format!("/api/connections?limit=1000{after}"))
            .await;
        pages += 1;
        for connection in page["connections"].as_array().expect("a list") {
            assert_eq!(connection["channels"].as_array().unwrap().len(), 1000);
            seen.push(connection["remote"].clone());
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        after = format!("&after={next}");
    }
    let remotes = clients
        .iter()
        .map(|client| json!(client.local_addr().to_string()));
    assert_eq!(seen, remotes.collect::<Vec<_>>());
    assert_eq!(pages, 2);
}
