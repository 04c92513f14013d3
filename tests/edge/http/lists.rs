//! The lists of connections, channels and rooms.

use serde_json::{Value, json};

use crate::support::TestServer;

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
            response.expect_problem(400, "invalid_query");
        }
        assert_eq!(
            server.get(&format!("/api/{list}?limit=1000")).await["total"],
            0
        );
    }
    let response = server.http("GET", "/api/connections?after=5", None).await;
    response.expect_problem(400, "invalid_id");
}
