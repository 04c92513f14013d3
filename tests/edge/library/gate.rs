//! A policy that decides by name and records the questions it is asked.

use std::sync::{Arc, Mutex};

use axum::middleware::from_fn;
use serde_json::json;
use wavecast::history::HistoryLimits;
use wavecast::hub::{TopicOptions, TopicRules};
use wavecast::policy::{
    ClientRef, Connect, Decision, Edit, ErrorCode, EventName, Identity, Join, Json, Message,
    Policy, Publish, Refusal, Subscribe, Target, Terms, UserId,
};
use wavecast::{WebSocketConfig, WebSocketServer};

use super::identity::login;
use crate::support::{TestServer, config};

/// Records the questions it is asked, and decides by name.
#[derive(Debug, Default)]
pub struct Gate(pub Mutex<Vec<String>>);

impl Gate {
    fn note(&self, verb: &str, client: Option<ClientRef<'_>>, what: &str) {
        let user = client.map_or("the API", |client| client.user().unwrap_or("anybody"));
        self.0.lock().unwrap().push(format!("{user} {verb} {what}"));
    }

    /// The questions that were asked since the last `take`.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

pub fn user(name: &str) -> Identity {
    Identity::new(UserId::new(name).unwrap())
}

impl Policy for Gate {
    fn connect<'a>(&'a self, asked: Connect<'a>) -> Decision<'a, Identity> {
        self.note("connect", Some(asked.client), "");
        match asked.client.user() {
            Some("mallory") => {
                let refusal = Refusal::new(ErrorCode::Forbidden).with_detail("mallory is banned");
                Decision::refuse(refusal)
            }
            Some("alias") => Decision::change(user("ada").with_value(7_u32)),
            _ => Decision::allow(),
        }
    }

    fn disconnect(&self, client: ClientRef<'_>) {
        self.note("disconnect", Some(client), "");
    }

    fn subscribe<'a>(&'a self, asked: Subscribe<'a>) -> Decision<'a, Terms> {
        let channel = asked.channel.as_str();
        self.note("subscribe", Some(asked.client), channel);
        match channel.strip_prefix("inbox:") {
            Some(owner) if asked.client.user() != Some(owner) => {
                Decision::refuse(ErrorCode::Forbidden)
            }
            Some("ada") => Decision::change(Terms::default().without_resume()),
            _ => Decision::allow(),
        }
    }

    fn join<'a>(&'a self, asked: Join<'a>) -> Decision<'a, Terms> {
        self.note("join", Some(asked.client), asked.room.as_str());
        match asked.room.as_str() {
            "closed" => Decision::refuse(ErrorCode::RoomFull),
            "fresh" => Decision::change(Terms::default().without_resume()),
            // The value that `connect` set.
            "seven" if asked.client.value::<u32>() != Some(&7) => {
                Decision::refuse(ErrorCode::Forbidden)
            }
            _ => Decision::allow(),
        }
    }

    fn message<'a>(&'a self, asked: Message<'a>) -> Decision<'a, Json> {
        self.note("message", Some(asked.client), asked.content.as_str());
        match asked.content.as_str() {
            r#""secret""# => Decision::refuse(ErrorCode::Forbidden),
            r#""damn""# => Decision::change(Json::from("****")),
            _ => Decision::allow(),
        }
    }

    fn publish<'a>(&'a self, asked: Publish<'a>) -> Decision<'a, Edit> {
        let data = asked.data.to_json();
        self.note("publish", None, data.as_str());
        let forbidden = || Decision::refuse(ErrorCode::Forbidden);
        match asked.target {
            Target::Channels(channels) if channels.iter().any(|it| it.as_str() == "audit") => {
                // Only for backends that are logged in.
                if asked.publisher.is_some() {
                    Decision::allow()
                } else {
                    forbidden()
                }
            }
            Target::Everyone => forbidden(),
            _ if asked.name.is_some_and(|name| name.as_str() == "raw") => {
                let data = Json::encode(&json!({"clean": true})).unwrap();
                let name = EventName::new("cooked").unwrap();
                Decision::change(Edit::default().with_name(name).with_data(&data).unwrap())
            }
            _ => Decision::allow(),
        }
    }
}

pub async fn start_with(config: WebSocketConfig) -> (TestServer, Arc<Gate>) {
    let gate = Arc::<Gate>::default();
    let server = WebSocketServer::builder(config).policy(gate.clone());
    let server = Arc::new(server.build().expect("a configuration that works"));
    let router = server.router().layer(from_fn(login));
    (TestServer::start_behind(server, router).await, gate)
}

pub async fn start() -> (TestServer, Arc<Gate>) {
    start_with(config(|_| {})).await
}

pub fn with_history() -> WebSocketConfig {
    config(|config| {
        config.topics = TopicRules::all(TopicOptions {
            history: Some(HistoryLimits::default()),
            ..TopicOptions::default()
        });
    })
}
