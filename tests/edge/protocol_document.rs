//! Replays the conversations of `docs/PROTOCOL.md` against a real server.

use std::collections::HashMap;

use serde_json::Value;

use crate::support::{Client, TestServer, with_history};

const DOCUMENT: &str = include_str!("../../docs/PROTOCOL.md");

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
    let mut answer = Value::Null;
    for line in conversation.lines() {
        let (mark, said) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        let client = &mut clients[usize::from(mark.starts_with('B'))];
        match mark.trim_start_matches('B') {
            ">" => client.send_text(&placeholders.fill_in(said)).await,
            "<" => placeholders.expect(said, &client.next_json().await),
            "$" => {
                let mut parts = said.splitn(3, ' ');
                let (method, path) = (parts.next().unwrap(), parts.next().unwrap());
                let body = parts.next().map(|body| serde_json::from_str(body).unwrap());
                let response = server.http(method, path, body.as_ref()).await;
                assert_eq!(response.status, 200, "{said}: {}", response.body);
                answer = response.json();
            }
            "=" => placeholders.expect(said, &answer),
            _ => panic!("{line}"),
        }
    }
    clients[0].expect_silence().await;
}

#[tokio::test]
async fn every_conversation_in_the_protocol_document_is_true() {
    let mut held = 0;
    for block in DOCUMENT.split("```wire\n").skip(1) {
        let (conversation, _) = block.split_once("```").expect("the end of a block");
        hold(conversation).await;
        held += 1;
    }
    assert!(held >= 7, "only {held} conversations were found");
}
