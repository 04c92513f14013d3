//! Joins, leaves, endings and announcements at the same time: nobody misses one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use wavecast::policy::{
    Authenticate, Connect, Decision, Identity, Json, Policy, Token, TokenOptions, UserId,
};
use wavecast::{PresenceOptions, WebSocketServer};

use super::{keeping, watch};
use crate::support::{Client, LOAD_PATIENCE, TestServer, eventually};
use crate::tokens::desk::connect_with;

/// Users with what is shown of them.
type Users = BTreeMap<String, Value>;

/// Tokens are a user and what is shown of it, as in `ada.7`.
struct Shown;

impl Policy for Shown {
    fn tokens(&self) -> Option<TokenOptions> {
        Some(TokenOptions::default())
    }

    fn connect<'a>(&'a self, asked: Connect<'a>) -> Decision<'a, Identity> {
        identity(asked.token.expect("a token"))
    }

    fn authenticate<'a>(&'a self, asked: Authenticate<'a>) -> Decision<'a, Identity> {
        identity(asked.token)
    }
}

fn identity<'a>(token: &Token) -> Decision<'a, Identity> {
    let (user, info) = token.as_str().split_once('.').expect("two parts");
    let user = UserId::new(user).expect("a user");
    Decision::change(Identity::new(user).with_info(Json::from(info)))
}

async fn start(presence: PresenceOptions) -> TestServer {
    let builder = WebSocketServer::builder(keeping(presence));
    let server = Arc::new(builder.policy(Shown).build().expect("a server"));
    let router = server.router();
    TestServer::start_behind(server, router).await
}

/// What a watcher knows, by the rules of the protocol.
#[derive(Default)]
struct Known {
    users: Option<Users>,
}

fn users(list: &Value) -> Option<Users> {
    let list = list.as_array()?.iter();
    let user = |it: &Value| (it["user"].as_str().unwrap().to_owned(), it["info"].clone());
    Some(list.map(user).collect())
}

impl Known {
    fn hear(&mut self, message: &Value) {
        if let Some(members) = users(&message["members"]) {
            self.users = Some(members);
        } else if let Some(joined) = users(&message["joined"]) {
            let users = self.users.as_mut().expect("there was a list");
            users.extend(joined);
            for user in message["left"].as_array().expect("a list") {
                users.remove(user.as_str().unwrap());
            }
        } else {
            self.users = None;
        }
        if let Some(users) = &self.users {
            assert_eq!(users.len(), message["users"], "{message}");
        }
    }
}

/// Small numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// One of several tasks whose clients come and go.
async fn come_and_go(server: &TestServer, seed: u64, rounds: usize) -> Vec<Client> {
    let mut dice = Dice(seed * 7919 + 1);
    let mut clients: Vec<(Client, bool, String)> = Vec::new();
    for _ in 0..rounds {
        match dice.roll(6) {
            0 | 1 => {
                let token = format!("user-{}.{}", dice.roll(6), dice.roll(3));
                let mut client = connect_with(server, &token).await;
                client.subscribe("c").await;
                clients.push((client, true, token));
            }
            5 if !clients.is_empty() => {
                let index = dice.roll(clients.len() as u64) as usize;
                let (client, _, token) = &mut clients[index];
                let (user, _) = token.split_once('.').unwrap();
                let token = format!("{user}.{}", dice.roll(3));
                let auth = json!({"type": "auth", "token": token});
                client.send_text(&auth.to_string()).await;
                assert_eq!(client.next_json().await["type"], "authenticated");
            }
            2 if !clients.is_empty() => {
                let index = dice.roll(clients.len() as u64) as usize;
                clients.swap_remove(index).0.reset();
            }
            3 if !clients.is_empty() => {
                let index = dice.roll(clients.len() as u64) as usize;
                let (client, is_member, _) = &mut clients[index];
                if *is_member {
                    client.unsubscribe("c").await;
                } else {
                    client.subscribe("c").await;
                }
                *is_member = !*is_member;
            }
            _ if clients.len() > 4 => {
                let (client, ..) = clients.swap_remove(0);
                client.close().await;
            }
            _ => {}
        }
    }
    clients.into_iter().map(|(client, ..)| client).collect()
}

/// Watchers that come while others come and go.
async fn watch_and_listen(server: &TestServer, count: usize) -> Vec<(Client, Known)> {
    let mut watchers: Vec<(Client, Known)> = Vec::new();
    for index in 0..count {
        let mut watcher = connect_with(server, &format!("watcher-{index}.1")).await;
        let mut known = Known::default();
        known.hear(&watch(&mut watcher).await);
        watchers.push((watcher, known));
        for (watcher, known) in &mut watchers {
            while watcher.has_received() {
                known.hear(&watcher.next_json().await);
            }
        }
    }
    watchers
}

async fn users_over_http(server: &TestServer) -> Users {
    let page = server.get("/api/channels/c/presence?limit=1000").await;
    users(&page["members"]).unwrap()
}

/// The users of the members' connections, as many of them as there are.
async fn has_only_live_members(server: &TestServer) -> bool {
    let path = "/api/channels/c/presence?by=connection&limit=1000";
    let live = users(&server.get(path).await["members"]).unwrap();
    let listed = users_over_http(server).await;
    live.keys().eq(listed.keys())
}

async fn run(presence: PresenceOptions) {
    let server = start(presence).await;
    let tasks = (1..=4).map(|seed| come_and_go(&server, seed, 100));
    let (remaining, mut watchers) = tokio::join!(join_all(tasks), watch_and_listen(&server, 30));
    eventually("nobody lingers", async || {
        has_only_live_members(&server).await
    })
    .await;
    let present = users_over_http(&server).await;
    let page = server.get("/api/channels/c/presence").await;
    for (watcher, known) in &mut watchers {
        // What was announced before this answer has arrived before it.
        let catch_up = async {
            loop {
                watcher.send_text(r#"{"type":"ping"}"#).await;
                loop {
                    let next = watcher.next_json().await;
                    if next["type"] == "pong" {
                        break;
                    }
                    known.hear(&next);
                }
                match &known.users {
                    Some(users) if *users == present => return,
                    None if present.len() > presence.max_listed / 2 => return,
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        let caught_up = tokio::time::timeout(LOAD_PATIENCE, catch_up).await;
        assert!(
            caught_up.is_ok(),
            "{:?} instead of {present:?}, {page}",
            known.users
        );
    }
    drop(remaining);
}

#[tokio::test]
async fn every_watcher_knows_those_who_are_present_in_the_end() {
    let some = |linger, interval, max_listed| PresenceOptions {
        linger: Duration::from_millis(linger),
        interval: Duration::from_millis(interval),
        max_listed,
    };
    run(some(0, 0, 500)).await;
    run(some(20, 5, 500)).await;
    run(some(0, 30, 20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_and_an_announcement_at_the_same_time_leave_no_hole() {
    let mut config = keeping(PresenceOptions {
        linger: Duration::ZERO,
        interval: Duration::ZERO,
        max_listed: 500,
    });
    config.limits.topics_per_client = 10_000;
    let server = TestServer::start(config).await;
    let (mut ada, mut eve) = (
        server.connect_as("ada").await,
        server.connect_as("eve").await,
    );
    for round in 0..2000 {
        let channel = format!("c{round}");
        let subscribe = json!({"type": "subscribe", "channel": channel});
        let watch = json!({"type": "subscribe", "channel": channel, "presence": true});
        let (subscribe, watch) = (subscribe.to_string(), watch.to_string());
        tokio::join!(ada.send_text(&subscribe), eve.send_text(&watch));
        let mut known = Known::default();
        let subscribed = eve.next_json().await;
        known.hear(&subscribed["presence"]);
        while known.users.as_ref().is_none_or(|users| users.len() < 2) {
            known.hear(&eve.next_json().await);
        }
        assert_eq!(ada.next_json().await["type"], "subscribed");
    }
}
