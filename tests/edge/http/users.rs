//! Users: who is connected, with what, and how an operator closes all of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use serde_json::{Value, json};
use wavecast::{Identity, Json, UserId, WebSocketServer};

use crate::support::{Client, EventSource, TestServer, config, eventually};

async fn start() -> TestServer {
    TestServer::start(config(|config| config.trust_user_parameter = true)).await
}

fn ids(connections: &Value) -> Vec<&str> {
    let connections = connections["connections"].as_array().expect("a list");
    connections
        .iter()
        .map(|connection| connection["id"].as_str().expect("an id"))
        .collect()
}

#[tokio::test]
async fn users_are_listed_with_the_number_of_their_connections() {
    let server = start().await;
    assert_eq!(
        server.get("/api/users").await,
        json!({"users": [], "total": 0, "next": null})
    );
    let mut clients: Vec<Client> = Vec::new();
    for user in ["bob", "ada", "eve", "ada"] {
        clients.push(server.connect_as(user).await);
    }
    // Anonymous connections have no user.
    clients.push(server.connect().await);
    let ada = json!({"user": "ada", "connections": 2});
    let bob = json!({"user": "bob", "connections": 1});
    let eve = json!({"user": "eve", "connections": 1});
    assert_eq!(
        server.get("/api/users").await,
        json!({"users": [ada, bob, eve], "total": 3, "next": null})
    );
    assert_eq!(
        server.get("/api/users?limit=2").await,
        json!({"users": [ada, bob], "total": 3, "next": "bob"})
    );
    assert_eq!(
        server.get("/api/users?limit=2&after=bob").await,
        json!({"users": [eve], "total": 3, "next": null})
    );
    // They are no channels that the list of channels shows.
    assert_eq!(server.get("/api/channels").await["total"], 0);
    // A user is gone with the last connection.
    clients.remove(3).close().await;
    clients.remove(0).close().await;
    eventually("two gone", async || server.links() == 3).await;
    let ada = json!({"user": "ada", "connections": 1});
    assert_eq!(
        server.get("/api/users").await,
        json!({"users": [ada, eve], "total": 2, "next": null})
    );
}

#[tokio::test]
async fn the_connections_of_a_user_are_listed_page_by_page() {
    let server = start().await;
    let mut clients = Vec::new();
    for number in 0..7 {
        clients.push(server.connect_as("ada").await);
        if number % 2 == 0 {
            clients.push(server.connect_as("bob").await);
        }
    }
    let _stream = EventSource::open(server.address, "/sse?channel=news&user=ada").await;
    let all = server.get("/api/users/ada").await;
    assert_eq!((&all["user"], &all["next"]), (&json!("ada"), &Value::Null));
    assert_eq!(all.as_object().expect("an object").len(), 3);
    let expected: Vec<Value> = {
        let all = server.get("/api/connections?limit=1000").await;
        let all = all["connections"].as_array().expect("a list").clone();
        let of_ada = all.into_iter().filter(|found| found["user"] == "ada");
        of_ada.collect()
    };
    assert_eq!(expected.len(), 8);
    assert_eq!(all["connections"], json!(expected));
    for limit in [1, 3, 8] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = server
                .get(&format!("/api/users/ada?limit={limit}{after}"))
                .await;
            seen.extend(ids(&page).into_iter().map(str::to_owned));
            let Some(next) = page["next"].as_str() else {
                break;
            };
            after = format!("&after={next}");
        }
        assert_eq!(seen, ids(&all), "{limit}");
    }
    let nobody = json!({"user": "no/body ü", "connections": [], "next": null});
    assert_eq!(server.get("/api/users/no%2Fbody%20%C3%BC").await, nobody);
}

#[tokio::test]
async fn all_connections_of_a_user_are_closed_at_once() {
    let server = start().await;
    let mut adas = Vec::new();
    for _ in 0..5 {
        adas.push(server.connect_as("ada").await);
    }
    let mut stream = EventSource::open(server.address, "/sse?channel=news&user=ada").await;
    stream.expect_subscribed(&["news"]).await;
    let mut bob = server.connect_as("bob").await;
    let mut anybody = server.connect().await;
    let answer = server
        .http("DELETE", "/api/users/ada?reason=bye%20now", None)
        .await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"closed":6}"#)
    );
    for mut ada in adas {
        assert_eq!(ada.expect_close(4000).await, "bye now");
    }
    eventually("the end of all", async || server.links() == 2).await;
    assert_eq!(server.get("/api/users").await["total"], 1);
    let again = server.http("DELETE", "/api/users/ada", None).await;
    assert_eq!(
        (again.status, again.body.as_str()),
        (200, r#"{"closed":0}"#)
    );
    bob.expect_silence().await;
    anybody.expect_silence().await;
}

/// More than are looked up at once.
#[tokio::test]
async fn hundreds_of_connections_of_a_user_are_all_closed() {
    let server = start().await;
    let mut clients = Vec::new();
    for _ in 0..300 {
        clients.push(server.connect_as("ada").await);
    }
    let answer = server.http("DELETE", "/api/users/ada", None).await;
    assert_eq!(answer.body, r#"{"closed":300}"#);
    for mut client in clients {
        client.expect_close(4000).await;
    }
}

#[tokio::test]
async fn invalid_users_and_pages_are_refused() {
    let server = start().await;
    for method in ["GET", "DELETE"] {
        let long = "u".repeat(195);
        for user in ["%00", long.as_str()] {
            let answer = server
                .http(method, &format!("/api/users/{user}"), None)
                .await;
            answer.expect_problem(400, "invalid_user");
        }
        let answer = server.http(method, "/api/users/ada?bogus=1", None).await;
        answer.expect_problem(400, "invalid_query");
    }
    for path in ["/api/users?limit=0", "/api/users/ada?limit=1001"] {
        let answer = server.http("GET", path, None).await;
        answer.expect_problem(400, "invalid_query");
    }
    let answer = server.http("GET", "/api/users/ada?after=5", None).await;
    answer.expect_problem(400, "invalid_id");
}

#[tokio::test]
async fn a_connection_shows_what_is_known_of_its_token() {
    let server = Arc::new(WebSocketServer::new(config(|_| {})));
    let login = async |mut request: Request, next: Next| {
        if request.uri().path() == "/ws" {
            let meta = Json::encode(&json!({"plan": "pro", "seats": [1, 2.50]})).unwrap();
            let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
            let identity = Identity::new(UserId::new("ada").unwrap())
                .with_token_id("7c1d \"1\"")
                .with_expires(expires)
                .with_meta(meta);
            request.extensions_mut().insert(identity);
        }
        next.run(request).await
    };
    let router = server.router().layer(from_fn(login));
    let server = TestServer::start_behind(server, router).await;
    let client = server.connect().await;
    let listed = server.connection_of(&client).await;
    assert_eq!(listed["expires_at"], "2030-03-17T17:46:40Z");
    assert_eq!(listed["token_id"], "7c1d \"1\"");
    assert_eq!(listed["meta"], json!({"plan": "pro", "seats": [1, 2.50]}));
    let id = listed["id"].as_str().unwrap();
    let shown = server.get(&format!("/api/connections/{id}")).await;
    let of_user = server.get("/api/users/ada").await;
    assert_eq!((&shown, &of_user["connections"][0]), (&listed, &listed));
}
