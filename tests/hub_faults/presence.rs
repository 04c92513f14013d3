//! Announcements of presence: when they are due, and when mailboxes are full.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::advance;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::NativeText;
use wavecast::hub::{
    Client, ClientInfo, Hub, HubOptions, JoinOptions, Link, Pipe, TopicOptions, TopicRules,
};
use wavecast::presence::PresenceOptions;
use wavecast::protocol::{Identity, TopicKind, UserId};

use super::support::{drain, no_pings, one_place, text};
use crate::patience::{InTime as _, eventually, within_a_minute};

const KIND: TopicKind = TopicKind::Channel;
const MS: Duration = Duration::from_millis(1);

fn hub(options: HubOptions, presence: PresenceOptions) -> Hub {
    let options = HubOptions {
        topics: TopicRules::all(TopicOptions {
            presence: Some(presence),
            ..TopicOptions::default()
        }),
        ..options
    };
    Hub::new(&options, Dialects::default(), &TaskTracker::new())
}

fn connect_as(hub: &Hub, user: &str, link: Link) -> Arc<Client> {
    let identity = Identity::new(UserId::new(user).unwrap());
    let info = ClientInfo {
        identity: Some(Arc::new(identity)),
        ..ClientInfo::default()
    };
    let connected = hub.connect(Uuid::now_v7(), info, link);
    connected.unwrap().expect("a new id")
}

async fn join(hub: &Hub, client: &Arc<Client>, name: &str, watches: bool) {
    let options = JoinOptions {
        watches: watches.then_some(true),
        ..JoinOptions::default()
    };
    let name = name.into();
    let joined = hub.join(client, KIND, &name, options, |_, _| None);
    joined.in_time().await.unwrap();
}

async fn leave(hub: &Hub, client: &Arc<Client>, name: &str) {
    let left = hub.leave(client, KIND, name, None, None);
    left.in_time().await.unwrap();
}

/// A watcher of the channel `c`, behind a pipe.
async fn watcher(hub: &Hub) -> Arc<Pipe> {
    let pipe = Arc::<Pipe>::default();
    let eve = connect_as(hub, "eve", Link::Pipe(pipe.clone()));
    join(hub, &eve, "c", true).await;
    pipe
}

/// What has arrived, in short: `+ada -bob` for each announcement.
async fn heard(hub: &Hub, pipe: &Pipe) -> Vec<String> {
    // Whatever the announcer has to do now, and then the shard, is done before these return.
    for _ in 0..3 {
        tokio::task::yield_now().await;
        hub.probe().in_time().await.unwrap();
    }
    let bytes = drain(pipe).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let announcements = text.split("\"type\":\"presence\"").skip(1).map(|found| {
        let between = |begin: &str, end: &str| {
            let (_, rest) = found.split_once(begin).expect("a list");
            rest.split_once(end).expect("its end").0.to_owned()
        };
        let names = |list: &str, mark: &str| {
            let names = list.split('"').filter(|part| part.starts_with("u-"));
            names
                .map(|name| format!("{mark}{}", &name[2..]))
                .collect::<Vec<_>>()
        };
        let joined = names(&between("\"joined\":[", "]"), "+");
        let left = names(&between("\"left\":[", "]"), "-");
        [joined, left].concat().join(" ")
    });
    announcements.collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_change_is_announced_at_once_and_what_follows_after_the_interval() {
    let presence = PresenceOptions {
        linger: Duration::ZERO,
        ..PresenceOptions::default()
    };
    let hub = hub(no_pings(), presence);
    let pipe = watcher(&hub).await;
    let clients = ["u-ada", "u-bob", "u-cid"].map(|user| connect_as(&hub, user, Link::Detached));
    join(&hub, &clients[0], "c", false).await;
    assert_eq!(heard(&hub, &pipe).await, ["+ada"]);
    join(&hub, &clients[1], "c", false).await;
    join(&hub, &clients[2], "c", false).await;
    leave(&hub, &clients[0], "c").await;
    advance(presence.interval.saturating_sub(MS)).await;
    assert!(heard(&hub, &pipe).await.is_empty());
    advance(MS).await;
    assert_eq!(heard(&hub, &pipe).await, ["+bob +cid -ada"]);
    // Who comes and goes in between is not mentioned.
    join(&hub, &clients[0], "c", false).await;
    leave(&hub, &clients[0], "c").await;
    advance(10 * presence.interval).await;
    assert!(heard(&hub, &pipe).await.is_empty());
    leave(&hub, &clients[1], "c").await;
    assert_eq!(heard(&hub, &pipe).await, ["-bob"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_back_within_the_linger_was_never_away() {
    let presence = PresenceOptions::default();
    let hub = hub(no_pings(), presence);
    let pipe = watcher(&hub).await;
    let ada = connect_as(&hub, "u-ada", Link::Detached);
    join(&hub, &ada, "c", false).await;
    assert_eq!(heard(&hub, &pipe).await, ["+ada"]);
    for _ in 0..10 {
        leave(&hub, &ada, "c").await;
        advance(presence.linger.saturating_sub(MS)).await;
        assert!(heard(&hub, &pipe).await.is_empty());
        join(&hub, &ada, "c", false).await;
        advance(presence.linger * 2).await;
        assert!(heard(&hub, &pipe).await.is_empty());
    }
    leave(&hub, &ada, "c").await;
    advance(presence.linger.saturating_sub(MS)).await;
    assert!(heard(&hub, &pipe).await.is_empty());
    advance(MS).await;
    assert_eq!(heard(&hub, &pipe).await, ["-ada"]);
}

#[tokio::test(start_paused = true)]
async fn who_publishes_is_introduced_first() {
    let presence = PresenceOptions {
        interval: Duration::from_secs(3600),
        ..PresenceOptions::default()
    };
    let hub = hub(no_pings(), presence);
    let pipe = watcher(&hub).await;
    let [ada, bob] = ["u-ada", "u-bob"].map(|user| connect_as(&hub, user, Link::Detached));
    join(&hub, &ada, "c", false).await;
    assert_eq!(heard(&hub, &pipe).await, ["+ada"]);
    join(&hub, &bob, "c", false).await;
    hub.introduce(KIND, "c", &ada).in_time().await.unwrap();
    assert!(heard(&hub, &pipe).await.is_empty(), "ada is known");
    hub.introduce(KIND, "c", &bob).in_time().await.unwrap();
    assert_eq!(heard(&hub, &pipe).await, ["+bob"]);
}

#[tokio::test]
async fn announcements_that_find_a_full_mailbox_are_late_and_none_is_lost() {
    let presence = PresenceOptions {
        linger: Duration::ZERO,
        interval: Duration::ZERO,
        max_listed: 1000,
    };
    let hub = Arc::new(hub(one_place(), presence));
    let pipe = watcher(&hub).await;
    let event = NativeText::source("{}");
    let come_and_go = (0..100).map(async |number| {
        let client = connect_as(&hub, &format!("u-{number}"), Link::Detached);
        for round in 0..5 {
            join(&hub, &client, "c", false).await;
            let other = format!("other-{}", number % 3);
            join(&hub, &client, &other, true).await;
            let told = hub.broadcast(KIND, &other, &event, None);
            told.in_time().await.unwrap();
            if round < 4 || number % 2 == 0 {
                leave(&hub, &client, "c").await;
            }
        }
    });
    let mut known = std::collections::BTreeSet::new();
    let listen = eventually("those who are there", async || {
        for announcement in heard(&hub, &pipe).await {
            for change in announcement.split(' ').filter(|change| !change.is_empty()) {
                let (mark, user) = change.split_at(1);
                let changes = match mark {
                    "+" => known.insert(user.to_owned()),
                    _ => known.remove(user),
                };
                assert!(changes, "{change} in {announcement}, {known:?}");
            }
        }
        let odd = |user: &String| user.parse::<u32>().unwrap() % 2 == 1;
        known.len() == 50 && known.iter().all(odd)
    });
    within_a_minute("all of it", async {
        tokio::join!(join_all(come_and_go), listen)
    })
    .await;
}

#[tokio::test]
async fn a_watcher_with_a_full_outbox_is_evicted_and_its_user_leaves() {
    let presence = PresenceOptions {
        linger: Duration::ZERO,
        interval: Duration::ZERO,
        max_listed: 1000,
    };
    let options = HubOptions {
        outbox_max_messages: 4,
        ..no_pings()
    };
    let hub = hub(options, presence);
    let pipe = watcher(&hub).await;
    let stalled = connect_as(&hub, "u-stalled", Link::Pipe(Arc::default()));
    join(&hub, &stalled, "c", true).await;
    assert_eq!(heard(&hub, &pipe).await, ["+stalled"]);
    // It does not read, so its outbox fills.
    let long = text(&"x".repeat(20_000));
    for _ in 0..8 {
        let sent = hub.send(&stalled, long.clone());
        sent.in_time().await.unwrap();
    }
    hub.probe().in_time().await.unwrap();
    assert_eq!(hub.metrics().slow_consumers_total.get(), 1);
    hub.disconnect(&stalled, |_| None).in_time().await.unwrap();
    assert_eq!(heard(&hub, &pipe).await, ["-stalled"]);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_channel_is_freed_at_once_though_its_user_lingers() {
    let presence = PresenceOptions {
        linger: Duration::from_secs(3600),
        ..PresenceOptions::default()
    };
    let hub = hub(no_pings(), presence);
    let pipe = watcher(&hub).await;
    let ada = connect_as(&hub, "u-ada", Link::Detached);
    let mut abandoned = Vec::new();
    for number in 0..50 {
        let name = format!("abandoned-{number}");
        join(&hub, &ada, &name, number % 2 == 0).await;
        abandoned.push(Arc::downgrade(&hub.topic(KIND, &name).expect("a member")));
        leave(&hub, &ada, &name).await;
    }
    // The announcer and the shard have seen what was sent to them before these return.
    assert!(heard(&hub, &pipe).await.is_empty());
    let left = abandoned.iter().filter(|topic| topic.strong_count() > 0);
    assert_eq!(left.count(), 0);
    // The one that has a member goes on.
    join(&hub, &ada, "c", false).await;
    assert_eq!(heard(&hub, &pipe).await, ["+ada"]);
    leave(&hub, &ada, "c").await;
    assert!(heard(&hub, &pipe).await.is_empty());
    advance(presence.linger).await;
    assert_eq!(heard(&hub, &pipe).await, ["-ada"]);
}
