//! A policy whose tokens are readable: `ada_news.chat_60` is the user `ada`, who may be in the topics
//! `news` and `chat`, for 60 seconds. `-` is no user, and no end.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use wavecast::policy::{
    Authenticate, ClientRef, Connect, Decision, ErrorCode, Identity, Join, Policy, Subscribe,
    Terms, Token, TokenOptions, UserId,
};
use wavecast::{WebSocketConfig, WebSocketServer};

use crate::support::{Client, TestServer, config, upgrade_request};

/// What the token allows.
struct Topics(Vec<String>);

#[derive(Debug)]
pub struct Desk {
    options: TokenOptions,
    /// Whether clients without a token are welcome, to `news`.
    anonymous: bool,
}

impl Policy for Desk {
    fn tokens(&self) -> Option<TokenOptions> {
        Some(self.options.clone())
    }

    fn connect<'a>(&'a self, asked: Connect<'a>) -> Decision<'a, Identity> {
        match asked.token {
            Some(token) => identity(token),
            None if self.anonymous => {
                let topics = Topics(vec!["news".to_owned()]);
                Decision::change(Identity::anonymous().with_value(topics))
            }
            None => Decision::refuse(ErrorCode::Unauthenticated),
        }
    }

    fn authenticate<'a>(&'a self, asked: Authenticate<'a>) -> Decision<'a, Identity> {
        identity(asked.token)
    }

    fn subscribe<'a>(&'a self, asked: Subscribe<'a>) -> Decision<'a, Terms> {
        decide(asked.client, asked.channel.as_str())
    }

    fn join<'a>(&'a self, asked: Join<'a>) -> Decision<'a, Terms> {
        decide(asked.client, asked.room.as_str())
    }
}

fn decide<'a>(client: ClientRef<'a>, topic: &str) -> Decision<'a, Terms> {
    let topics = client.value::<Topics>();
    if topics.is_some_and(|topics| topics.0.iter().any(|name| name == topic)) {
        Decision::allow()
    } else {
        Decision::refuse(ErrorCode::Forbidden)
    }
}

fn identity<'a>(token: &Token) -> Decision<'a, Identity> {
    let mut parts = token.as_str().split('_');
    let (Some(user), Some(topics), Some(seconds)) = (parts.next(), parts.next(), parts.next())
    else {
        return Decision::refuse(ErrorCode::InvalidToken);
    };
    let identity = match user {
        "-" => Identity::anonymous(),
        user => Identity::new(UserId::new(user).unwrap()),
    };
    let topics = Topics(topics.split('.').map(str::to_owned).collect());
    let mut identity = identity.with_value(topics);
    if let Ok(seconds) = seconds.parse() {
        identity = identity.with_expires(SystemTime::now() + Duration::from_secs(seconds));
        if seconds == 0 {
            return Decision::refuse(ErrorCode::TokenExpired);
        }
    }
    Decision::change(identity)
}

/// A server with such tokens, which are needed unless it is changed.
pub async fn start(change: impl FnOnce(&mut Desk)) -> TestServer {
    start_configured(change, config(|_| {})).await
}

pub async fn start_configured(
    change: impl FnOnce(&mut Desk),
    config: WebSocketConfig,
) -> TestServer {
    let server = server(change, config);
    let router = server.router();
    TestServer::start_behind(server, router).await
}

/// The same, not served yet.
pub fn server(change: impl FnOnce(&mut Desk), config: WebSocketConfig) -> Arc<WebSocketServer> {
    let mut desk = Desk {
        options: TokenOptions::default(),
        anonymous: false,
    };
    change(&mut desk);
    let server = WebSocketServer::builder(config).policy(desk).build();
    Arc::new(server.unwrap())
}

impl Desk {
    pub fn with_options(&mut self, change: impl FnOnce(&mut TokenOptions)) {
        change(&mut self.options);
    }

    pub fn welcome_anybody(&mut self) {
        self.anonymous = true;
    }
}

/// A handshake with more header lines.
pub fn upgrade_with(lines: &str) -> String {
    let request = upgrade_request("/ws");
    let head = request.strip_suffix("\r\n").unwrap();
    format!("{head}{lines}\r\n\r\n")
}

/// A connection whose handshake has more header lines, which is not read yet.
pub async fn dial_with(server: &TestServer, lines: &str) -> Client {
    let mut client = Client::dial(server.address).await;
    client.send(upgrade_with(lines).as_bytes()).await;
    client
}

/// A client that brought this token in its header.
pub async fn connect_with(server: &TestServer, token: &str) -> Client {
    let mut client = dial_with(server, &format!("authorization: Bearer {token}")).await;
    client.expect_upgrade().await;
    client
}

/// The line of a token where browsers have to put it.
pub fn as_subprotocol(token: &str) -> String {
    format!("{SEC_WEBSOCKET_PROTOCOL}: wavecast, wavecast.token.{token}")
}
