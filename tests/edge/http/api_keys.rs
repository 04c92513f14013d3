//! API keys: who may call what.

use std::time::{Instant, SystemTime};

use serde_json::json;
use wavecast::Rate;
use wavecast::auth::{ApiKey, ApiKeys, KeyId, NewKey, Scopes};
use wavecast::http::ApiAccess;

use crate::support::{Response, TestServer, config, dial, exchange, read_head, within};

/// Keys, and the texts of each.
#[derive(Default)]
struct Keys {
    all: Vec<ApiKey>,
}

impl Keys {
    /// Adds a key, and returns its text.
    fn add(&mut self, id: &str, scopes: &[&str]) -> String {
        let id = KeyId::parse(id).expect("an id");
        let new = NewKey::generate(&id).expect("random numbers");
        let mut granted = Scopes::default();
        for scope in scopes {
            granted.add(scope).expect("a scope");
        }
        self.all.push(ApiKey {
            id,
            hash: new.hash().clone(),
            scopes: granted,
            rate: None,
            expires: None,
        });
        new.reveal().to_owned()
    }

    fn with_rate(&mut self, id: &str, rate: &str) -> String {
        let text = self.add(id, &["publish"]);
        self.all.last_mut().expect("a key").rate = Some(Rate::parse(rate).expect("a rate"));
        text
    }

    fn expired(&mut self, id: &str) -> String {
        let text = self.add(id, &["admin"]);
        self.all.last_mut().expect("a key").expires = Some(SystemTime::now());
        text
    }

    async fn start(self) -> TestServer {
        let keys = ApiKeys::new(self.all, Instant::now());
        TestServer::start_for(config(|_| {}), ApiAccess::Keys(keys)).await
    }
}

/// The response to a request with this `Authorization`, if any.
async fn call(server: &TestServer, line: &str, authorization: &str, body: &str) -> Response {
    let media_type = match line {
        line if line.contains("/stream") => "Content-Type: application/x-ndjson\r\n",
        _ if body.is_empty() => "",
        _ => "Content-Type: application/json\r\n",
    };
    let authorization = match authorization {
        "" => String::new(),
        value => format!("Authorization: {value}\r\n"),
    };
    let request = format!(
        "{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{authorization}{media_type}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(server.address, request.as_bytes()).await
}

async fn publish(server: &TestServer, key: &str, body: &str) -> Response {
    call(server, "POST /api/events", &format!("Bearer {key}"), body).await
}

const EVENT: &str = r#"{"channel":"news","data":1}"#;

/// Every route with the scope that it needs.
const ROUTES: [(&str, &str); 14] = [
    ("POST /api/events", "publish"),
    ("POST /api/events/batch", "publish"),
    ("POST /api/events/stream", "publish"),
    ("GET /api/stats", "read"),
    ("GET /api/channels", "read"),
    ("GET /api/channels/news/history", "read"),
    ("GET /api/rooms", "read"),
    ("GET /api/rooms/lobby/history", "read"),
    ("GET /api/connections", "read"),
    ("GET /api/connections/5", "read"),
    ("DELETE /api/connections/5", "admin"),
    ("GET /api/users", "read"),
    ("GET /api/users/ada", "read"),
    ("DELETE /api/users/ada", "admin"),
];

#[tokio::test]
async fn a_request_without_a_known_key_is_unauthenticated_on_every_route() {
    let mut keys = Keys::default();
    let known = keys.add("ops", &["admin"]);
    let expired = keys.expired("old");
    let server = keys.start().await;
    let other_id = known.replace("ops", "opa");
    let last = if known.ends_with('A') { "B" } else { "A" };
    let wrong = format!("{}{last}", &known[..known.len() - 1]);
    for (line, _) in ROUTES {
        for authorization in [
            "",
            "Bearer",
            "Bearer nonsense",
            "Basic b3BzOnNlY3JldA==",
            known.as_str(),
            &format!("Bearer {other_id}"),
            &format!("Bearer {wrong}"),
            &format!("Bearer {known}x"),
            &format!("Bearer {expired}"),
            &format!("Bearer {known}\r\nAuthorization: Bearer {known}"),
        ] {
            let answer = call(&server, line, authorization, "").await;
            let detail = answer.expect_problem(401, "unauthenticated");
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Bearer realm=\"wavecast\""),
                "{line}"
            );
            assert!(!answer.body.contains(&known[8..]), "{detail}");
            let says_expired = authorization.contains(&expired);
            assert_eq!(
                detail.contains("`old` has expired"),
                says_expired,
                "{detail}"
            );
        }
        // A key in the query counts for nothing.
        let in_query = format!("{line}?access_token={known}&key={known}");
        let answer = call(&server, &in_query, "", "").await;
        answer.expect_problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_key_may_call_what_its_scopes_say_and_nothing_else() {
    let mut keys = Keys::default();
    let [publish, pattern, read, admin] = [
        ("p", "publish"),
        ("n", "publish:news"),
        ("r", "read"),
        ("a", "admin"),
    ]
    .map(|(id, scope)| keys.add(id, &[scope]));
    let server = keys.start().await;
    for (line, needed) in ROUTES {
        for (key, scopes) in [
            (&publish, &["publish"][..]),
            (&pattern, &["publish"]),
            (&read, &["read"]),
            (&admin, &["publish", "read", "admin"]),
        ] {
            let answer = call(&server, line, &format!("bearer {key}"), "").await;
            if scopes.contains(&needed) {
                assert!(
                    ![401, 403, 429].contains(&answer.status),
                    "{line}: {}",
                    answer.body
                );
            } else {
                let detail = answer.expect_problem(403, "forbidden");
                assert!(
                    detail.ends_with(&format!("has no scope `{needed}`")),
                    "{detail}"
                );
                assert_eq!(answer.header("www-authenticate"), None);
            }
        }
    }
}

#[tokio::test]
async fn health_checks_and_the_client_need_no_key() {
    let mut keys = Keys::default();
    keys.add("ops", &["admin"]);
    let server = keys.start().await;
    for path in ["/health", "/healthz", "/readyz", "/wavecast.js"] {
        for authorization in ["", "Bearer nonsense"] {
            let answer = call(&server, &format!("GET {path}"), authorization, "").await;
            assert_eq!(answer.status, 200, "{path}");
        }
    }
    // Nor is a path that does not exist, or a method that it does not have, a secret.
    let answer = call(&server, "GET /api/nothing", "", "").await;
    answer.expect_problem(404, "not_found");
    let answer = call(&server, "PUT /api/events", "", "").await;
    answer.expect_problem(405, "method_not_allowed");
    server.connect().await;
}

#[tokio::test]
async fn a_pattern_limits_the_channels_that_a_key_publishes_to() {
    let mut keys = Keys::default();
    let orders = keys.add("shop", &["publish:orders:*", "publish:$user:customer-*"]);
    let all = keys.add("all", &["publish:$all"]);
    let server = keys.start().await;
    let mut client = server.connect().await;
    for channel in ["orders:1", "audit"] {
        client.subscribe(channel).await;
    }
    for (key, target, allowed) in [
        (&orders, r#""channel":"orders:1""#, true),
        (&orders, r#""channels":["orders:1","orders:2:eu"]"#, true),
        (&orders, r#""user":"customer-7""#, true),
        (&orders, r#""channel":"audit""#, false),
        (&orders, r#""channel":"orders""#, false),
        (&orders, r#""channel":"Orders:1""#, false),
        (&orders, r#""channels":["orders:1","audit"]"#, false),
        (&orders, r#""user":"ada""#, false),
        (&orders, r#""broadcast":true"#, false),
        (&orders, r#""channel":"$all""#, false),
        (&all, r#""broadcast":true"#, true),
        (&all, r#""channel":"orders:1""#, false),
    ] {
        let answer = publish(&server, key, &format!("{{{target},\"data\":1}}")).await;
        if allowed {
            assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        } else {
            let detail = answer.expect_problem(403, "forbidden");
            assert!(detail.contains("may not publish to `"), "{detail}");
        }
    }
    // Only what was allowed has arrived, and nothing of what was refused as a whole.
    for _ in 0..2 {
        assert_eq!(client.next_json().await["channel"], "orders:1");
    }
    assert_eq!(client.next_json().await["channel"], "$all");
    client.expect_silence().await;
}

#[tokio::test]
async fn one_event_outside_of_the_scope_refuses_the_whole_batch() {
    let mut keys = Keys::default();
    let key = keys.add("shop", &["publish:orders:*"]);
    let server = keys.start().await;
    let mut client = server.connect().await;
    client.subscribe("orders:1").await;
    let batch = |second: &str| {
        format!(
            r#"{{"events":[{{"channel":"orders:1","data":1}},{{"channel":"{second}","data":2}}]}}"#
        )
    };
    let bearer = format!("Bearer {key}");
    let line = "POST /api/events/batch";
    let refused = call(&server, line, &bearer, &batch("audit")).await;
    let detail = refused.expect_problem(403, "forbidden");
    assert_eq!(
        detail,
        "events[1]: the API key `shop` may not publish to `audit`"
    );
    client.expect_silence().await;
    let allowed = call(&server, line, &bearer, &batch("orders:2")).await;
    assert_eq!(allowed.status, 200, "{}", allowed.body);
    assert_eq!(client.next_json().await["data"]["value"], 1);
}

#[tokio::test]
async fn each_line_of_a_publish_stream_is_checked() {
    let mut keys = Keys::default();
    let key = keys.add("shop", &["publish:orders:*"]);
    let limited = keys.with_rate("slow", "1/h");
    let server = keys.start().await;
    let line = |channel: &str| format!("{{\"channel\":\"{channel}\",\"data\":1}}\n");
    let lines = line("orders:1") + &line("audit") + &line("orders:2");
    let stream = "POST /api/events/stream";
    let answer = call(&server, stream, &format!("Bearer {key}"), &lines).await;
    assert_eq!(answer.status, 200);
    let answers: Vec<_> = chunked_lines(&answer.body);
    assert_eq!(answers.len(), 3, "{}", answer.body);
    assert!(answers[0]["id"].is_string() && answers[2]["id"].is_string());
    let error = &answers[1]["error"];
    assert_eq!(
        (&error["code"], &error["line"]),
        (&json!("forbidden"), &json!(2))
    );

    let lines = line("a") + &line("b");
    let answer = call(&server, stream, &format!("Bearer {limited}"), &lines).await;
    let answers: Vec<_> = chunked_lines(&answer.body);
    assert!(answers[0]["id"].is_string(), "{}", answer.body);
    assert_eq!(answers[1]["error"]["code"], "rate_limited");
    assert!(answers.len() == 2);
}

/// The lines of a chunked body.
fn chunked_lines(body: &str) -> Vec<serde_json::Value> {
    let lines = body.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[tokio::test]
async fn a_key_that_publishes_too_much_is_told_when_to_try_again() {
    let mut keys = Keys::default();
    let key = keys.with_rate("shop", "20/h");
    let burst = keys.with_rate("burst", "7200/h");
    let server = keys.start().await;
    assert_eq!(publish(&server, &key, EVENT).await.status, 200);
    let refused = publish(&server, &key, EVENT).await;
    let detail = refused.expect_problem(429, "rate_limited");
    assert!(
        detail.contains("`shop`") && detail.contains("20/h"),
        "{detail}"
    );
    let seconds: u64 = refused
        .header("retry-after")
        .expect("a time")
        .parse()
        .expect("seconds");
    assert!((100..=180).contains(&seconds), "{seconds}");
    // The other key has its own.
    let two = r#"{"channels":["a","b"],"data":1}"#;
    assert_eq!(publish(&server, &burst, two).await.status, 200);
    // What never fits is refused as a whole, and takes nothing.
    let three = r#"{"channels":["a","b","c"],"data":1}"#;
    let refused = publish(&server, &burst, three).await;
    let detail = refused.expect_problem(429, "rate_limited");
    assert!(detail.contains("2 events at once"), "{detail}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    // What is refused for another reason costs nothing.
    let mut keys = Keys::default();
    let key = keys.with_rate("shop", "1/h");
    let server = keys.start().await;
    publish(&server, &key, "{")
        .await
        .expect_problem(400, "invalid_json");
    assert_eq!(publish(&server, &key, EVENT).await.status, 200);
}

#[tokio::test]
async fn the_short_way_to_publish_checks_keys_as_the_router_does() {
    let mut keys = Keys::default();
    let (read, news) = (keys.add("r", &["read"]), keys.add("n", &["publish:news"]));
    let all = keys.all.clone();
    let short = keys.start().await;
    // A path that is written in another way goes through the router.
    let access = ApiAccess::Keys(ApiKeys::new(all, Instant::now()));
    let routed = TestServer::start_routed(config(|_| {}), access).await;
    let other = r#"{"channel":"other","data":1}"#;
    for (authorization, body, status) in [
        (String::new(), EVENT, 401),
        (String::new(), "", 401),
        ("Bearer nonsense".to_owned(), EVENT, 401),
        (format!("Bearer {read}"), EVENT, 403),
        (format!("Bearer {news}"), other, 403),
        (format!("Bearer {news}"), EVENT, 200),
    ] {
        let mut answers = Vec::new();
        for server in [&short, &routed] {
            let answer = call(server, "POST /api/events", &authorization, body).await;
            let lines = answer
                .head
                .lines()
                .filter(|line| !line.starts_with("date:") && !line.starts_with("content-length:"));
            let mut lines: Vec<_> = lines.map(str::to_owned).collect();
            lines.sort_unstable();
            let detail = (answer.status != 200).then(|| answer.json()["detail"].clone());
            answers.push((answer.status, lines, detail));
        }
        assert_eq!(answers[0].0, status, "{authorization}");
        assert_eq!(answers[0], answers[1], "{authorization}");
    }
}

/// A body that is not read must not become the next request.
#[tokio::test]
async fn a_refusal_before_the_body_is_read_closes_the_connection() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let mut keys = Keys::default();
    keys.add("ops", &["admin"]);
    let server = keys.start().await;
    for path in ["/api/events", "/api/events/batch"] {
        let mut stream = dial(server.address).await;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             Content-Length: 1000\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        );
        within("the request", stream.write_all(request.as_bytes()))
            .await
            .expect("sent");
        let answer = read_head(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        let mut rest = String::new();
        let read = within("the end", stream.read_to_string(&mut rest)).await;
        read.expect("an end");
        assert!(!rest.contains("HTTP/1.1"), "{rest}");
    }
}
