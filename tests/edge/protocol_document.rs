//! Replays the conversations of `docs/PROTOCOL.md` and `docs/HTTP.md` against a real server.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde_json::{Value, json};
use wavecast::{Rate, RateLimit};

use crate::support::{Client, Response, TestServer, config, request, with_history};
use crate::tokens::issuer;

const PROTOCOL: &str = include_str!("../../docs/PROTOCOL.md");
const HTTP: &str = include_str!("../../docs/HTTP.md");

/// The rule of the channels `chat:*`, whose absent users are gone at once.
const CHAT: &str = r#"
[[channels]]
pattern = "chat:*"
presence = { linger = "0s" }
"#;

/// The values that `…` matched, by the text before it.
#[derive(Default)]
struct Placeholders(HashMap<String, String>);

impl Placeholders {
    /// Whether `found` is what the document says. `…` matches any text. After the same text it
    /// always matches the same value, except after `evt_`, with which every event id begins.
    fn matches(&mut self, said: &Value, found: &Value) -> bool {
        match (said, found) {
            (Value::String(said), Value::String(found)) => match said.strip_suffix('…') {
                None => said == found,
                Some("") => !found.is_empty(),
                Some("evt_") => found.starts_with("evt_"),
                Some(name) => {
                    *self
                        .0
                        .entry(name.to_owned())
                        .or_insert_with(|| found.clone())
                        == *found
                }
            },
            (Value::Array(said), Value::Array(found)) => {
                said.len() == found.len()
                    && said
                        .iter()
                        .zip(found)
                        .all(|(said, found)| self.matches(said, found))
            }
            (Value::Object(said), Value::Object(found)) => {
                said.len() == found.len()
                    && said.iter().all(|(key, said)| {
                        found.get(key).is_some_and(|found| {
                            // They depend on when in a second the token was made, or tried.
                            let is_time = key == "expires_in" || key == "retry_after_ms";
                            is_time && found.is_u64() || self.matches(said, found)
                        })
                    })
            }
            _ => said == found,
        }
    }

    fn fill_in(&self, text: &str) -> String {
        let placeholders = self.0.iter();
        placeholders.fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{name}…"), value)
        })
    }

    fn expect(&mut self, said: &str, found: &Value) {
        let parsed = serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"));
        assert!(
            self.matches(&parsed, found),
            "the document says {said}\nbut it is {found}"
        );
    }
}

/// Sends the commands of a conversation and expects its answers, and nothing after them.
async fn hold(conversation: &str, address: SocketAddr, placeholders: Placeholders) {
    let mut client = converse(conversation, address, placeholders).await;
    client.expect_silence().await;
}

/// Sends the commands of a conversation and expects its answers. Returns the first client.
async fn converse(
    conversation: &str,
    address: SocketAddr,
    mut placeholders: Placeholders,
) -> Client {
    let connect = async || Client::connect(address, "/ws").await;
    let mut clients: [Client; 2] = [connect().await, connect().await];
    let mut response = None;
    for line in conversation.lines() {
        let (mark, said) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        let client = &mut clients[usize::from(mark.starts_with('B'))];
        match mark.trim_start_matches('B') {
            ">" => client.send_text(&placeholders.fill_in(said)).await,
            "<" => placeholders.expect(said, &client.next_json().await),
            "$" => {
                expect_answered(response.take());
                let said = placeholders.fill_in(said);
                let mut parts = said.splitn(3, ' ');
                let (method, path) = (parts.next().unwrap(), parts.next().unwrap());
                let body = parts.next().map(|body| serde_json::from_str(body).unwrap());
                response = Some(request(address, method, path, body.as_ref()).await);
            }
            "=" => {
                let answer = response.take().expect("a request before its answer");
                let (status, said) = match said.split_once(' ') {
                    Some((status, said)) if status.len() == 3 => (status, said),
                    _ => ("200", said),
                };
                assert_eq!(answer.status.to_string(), status, "{said}: {}", answer.body);
                placeholders.expect(said, &body_of(&answer));
            }
            _ => panic!("{line}"),
        }
    }
    expect_answered(response);
    let [first, _] = clients;
    first
}

/// A response that the document does not show is a success.
fn expect_answered(response: Option<Response>) {
    if let Some(response) = response {
        assert_eq!(response.status, 200, "{}", response.body);
    }
}

/// A body that is not JSON is a text.
fn body_of(response: &Response) -> Value {
    let body = &response.body;
    serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.clone()))
}

/// The conversations of a document that begin with this line.
fn conversations<'a>(document: &'a str, fence: &'a str) -> impl Iterator<Item = &'a str> {
    document.split(fence).skip(1).map(|block| {
        let (conversation, _) = block.split_once("```").expect("the end of a block");
        conversation
    })
}

/// Holds every conversation of a document for which nobody needs a token, and returns how many there
/// were.
async fn hold_all(document: &str) -> usize {
    let mut held = 0;
    for conversation in conversations(document, "```wire\n") {
        let server = TestServer::start(with_history(100)).await;
        hold(conversation, server.address, Placeholders::default()).await;
        held += 1;
    }
    held
}

/// The tokens of the document by name.
fn tokens() -> Placeholders {
    let chat = json!(["subscribe", "history", "publish", "presence"]);
    let tokens = [
        (
            "eyJ.ada",
            json!({"sub": "ada", "info": {"name": "Ada"}, "channels": {
                "news": ["subscribe"], "prices": ["subscribe"], "chat:*": chat,
            }}),
        ),
        (
            "eyJ.ada-without-prices",
            json!({"sub": "ada", "channels": ["news"]}),
        ),
        (
            "eyJ.bob",
            json!({"sub": "bob", "channels": {"chat:*": chat}}),
        ),
        ("eyJ.doc-17", json!({"sub": "ada", "channel": "doc:17"})),
    ];
    let tokens = tokens.map(|(name, claims)| (name.to_owned(), issuer::token(claims)));
    Placeholders(HashMap::from(tokens))
}

/// What follows `begin` in a source file, up to `end`.
fn table<'a>(source: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, table) = source.split_once(begin).expect("the begin of a table");
    let (table, _) = table.split_once(end).expect("the end of a table");
    table
}

#[tokio::test]
async fn every_conversation_in_the_protocol_document_is_true() {
    let held = hold_all(PROTOCOL).await;
    assert!(held >= 7, "only {held} conversations were found");
}

#[tokio::test]
async fn every_conversation_with_tokens_in_the_protocol_document_is_true() {
    let mut held = 0;
    for conversation in conversations(PROTOCOL, "```wire tokens\n") {
        let edge = issuer::start(CHAT).await;
        hold(conversation, edge.address, tokens()).await;
        held += 1;
    }
    assert!(held >= 4, "only {held} conversations were found");
}

#[tokio::test]
async fn every_conversation_about_limits_in_the_protocol_document_is_true() {
    let mut held = 0;
    for conversation in conversations(PROTOCOL, "```wire limits\n") {
        let limited = config(|config| {
            let limit = RateLimit::new(Rate::per_minute(1), 1);
            config.limits.commands = Some(limit);
        });
        let server = TestServer::start(limited).await;
        converse(conversation, server.address, Placeholders::default()).await;
        held += 1;
    }
    assert_eq!(held, 1);
}

#[test]
fn the_documents_name_every_error_code_and_every_close_code() {
    let codes = include_str!("../../src/protocol/error_code.rs");
    let rows = table(codes, "const fn row(self)", "impl fmt::Display");
    // `Self::NotFound => ("not_found", "Not found", 404)`: the first text of each row.
    let codes = rows.split("Self::").skip(1);
    let codes: Vec<_> = codes.filter_map(|row| row.split('"').nth(1)).collect();
    assert!(codes.len() > 40, "{codes:?}");
    for code in codes {
        let named = format!("`{code}`");
        let is_named = PROTOCOL.contains(&named) || HTTP.contains(&named);
        assert!(is_named, "{code}");
    }
    let codes = include_str!("../../src/protocol/close_code.rs");
    let rows = table(codes, "fn code(self)", "fn reason(self)");
    let numbers = rows
        .split(|c: char| !c.is_ascii_digit())
        .filter(|number| number.len() == 4);
    for code in numbers {
        assert!(PROTOCOL.contains(&format!("| {code} |")), "{code}");
    }
}

#[tokio::test]
async fn every_conversation_in_the_http_document_is_true() {
    let held = hold_all(HTTP).await;
    assert!(held >= 10, "only {held} conversations were found");
}

#[tokio::test]
async fn the_http_document_shows_all_statistics() {
    let (_, statistics) = HTTP.split_once("```json\n").expect("the statistics");
    let (statistics, _) = statistics.split_once("```").expect("the end of a block");
    let shown: Value = serde_json::from_str(statistics).expect("JSON");
    let server = TestServer::start(with_history(100)).await;
    let found = server.get("/api/stats").await;
    let fields = |statistics: &Value| {
        let fields = statistics.as_object().expect("an object");
        fields.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(fields(&shown), fields(&found));
}
