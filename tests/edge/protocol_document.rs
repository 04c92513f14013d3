//! Replays the conversations of `docs/PROTOCOL.md` and `docs/HTTP.md` against a real server.

use std::collections::HashMap;

use serde_json::Value;

use crate::support::{Client, Response, TestServer, with_history};

const PROTOCOL: &str = include_str!("../../docs/PROTOCOL.md");
const HTTP: &str = include_str!("../../docs/HTTP.md");

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
                        found
                            .get(key)
                            .is_some_and(|found| self.matches(said, found))
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

/// Sends the commands of a conversation and expects its answers.
async fn hold(conversation: &str) {
    let server = TestServer::start(with_history(100)).await;
    let mut clients: [Client; 2] = [server.connect().await, server.connect().await];
    let mut placeholders = Placeholders::default();
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
                response = Some(server.http(method, path, body.as_ref()).await);
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
    clients[0].expect_silence().await;
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

/// Holds every conversation of a document, and returns how many there were.
async fn hold_all(document: &str) -> usize {
    let mut held = 0;
    for block in document.split("```wire\n").skip(1) {
        let (conversation, _) = block.split_once("```").expect("the end of a block");
        hold(conversation).await;
        held += 1;
    }
    held
}

#[tokio::test]
async fn every_conversation_in_the_protocol_document_is_true() {
    let held = hold_all(PROTOCOL).await;
    assert!(held >= 7, "only {held} conversations were found");
}

#[tokio::test]
async fn every_conversation_in_the_http_document_is_true() {
    let held = hold_all(HTTP).await;
    assert!(held >= 9, "only {held} conversations were found");
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
