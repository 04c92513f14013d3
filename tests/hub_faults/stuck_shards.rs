//! A shard that is stuck while the others work.

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use futures_util::poll;
use tokio::runtime::{Builder, Runtime};
use tokio_util::task::TaskTracker;
use wavecast::dialect::native::{Native, NativeText};
use wavecast::dialect::{At, Dialect, Dialects};
use wavecast::hub::{
    Client, Hub, HubOptions, JoinOptions, Link, Overflow, Pipe, TopicOptions, TopicRules,
};
use wavecast::presence::PresenceOptions;
use wavecast::protocol::{Gap, Json, ServerMessage, TopicKind, TopicMessage, TopicName};
use wavecast::wire::Frame;

use super::support::{connect, drain, no_pings, subscribe};
use crate::patience::{InTime as _, LOAD_PATIENCE, eventually, within_a_minute};

/// A dialect whose gap notices keep their shard until they are let go.
#[derive(Debug, Default)]
struct Sticky {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Running,
    Stuck,
    LetGo,
}

impl Sticky {
    fn state(&self) -> State {
        *self.state.lock().unwrap()
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap() = state;
        self.changed.notify_all();
    }
}

impl Dialect for Sticky {
    fn message(&self, message: &ServerMessage<'_>, reply_to: Option<&Json>) -> Frame {
        Native.message(message, reply_to)
    }

    fn topic_message(&self, message: &TopicMessage, at: Option<At<'_>>) -> Frame {
        Native.topic_message(message, at)
    }

    fn gap(&self, topic: TopicName<'_>, gap: Gap) -> Frame {
        let mut state = self.state.lock().unwrap();
        if *state == State::Running {
            *state = State::Stuck;
        }
        let stuck = |state: &mut State| *state == State::Stuck;
        let waited = self.changed.wait_timeout_while(state, LOAD_PATIENCE, stuck);
        drop(waited.unwrap());
        Native.gap(topic, gap)
    }
}

/// A hub with two shards on threads of their own.
fn hub(dialect: &'static Sticky) -> (Hub, Runtime) {
    let mut builder = Builder::new_multi_thread();
    let shards = builder.worker_threads(4).enable_all().build().unwrap();
    let dropping = TopicOptions {
        overflow: Overflow::DropOldest,
        presence: Some(PresenceOptions {
            linger: Duration::ZERO,
            interval: Duration::ZERO,
            max_listed: 10,
        }),
        ..TopicOptions::default()
    };
    let options = HubOptions {
        shards: 2,
        mailbox_capacity: 1,
        outbox_max_messages: 2,
        topics: TopicRules::all(dropping),
        ..no_pings()
    };
    let _context = shards.enter();
    let dialects = Dialects::new(dialect, &[]);
    let hub = Hub::new(&options, dialects, &TaskTracker::new());
    (hub, shards)
}

/// Fills the outbox of the member of `stuck`, whose shard is kept then, and the mailbox of that shard.
async fn stop_shard(hub: &Hub, dialect: &Sticky) {
    let message = NativeText::source(&"x".repeat(16 * 1024));
    let publish = || async {
        let (kind, name) = (TopicKind::Channel, "stuck".into());
        hub.publish(kind, &name, &message, None, |_| None).await
    };
    eventually("a stuck shard", async || {
        // Not awaited: the shard may be stuck already.
        let _ = poll!(pin!(publish()));
        dialect.state() == State::Stuck
    })
    .await;
    while poll!(pin!(publish())).is_ready() {}
}

#[tokio::test]
async fn an_announcement_of_presence_does_not_wait_for_a_stuck_shard_without_watchers() {
    let dialect: &'static Sticky = Box::leak(Box::default());
    let (hub, shards) = hub(dialect);
    let pipes: [Arc<Pipe>; 4] = Default::default();
    let clients = pipes.clone().map(|pipe| connect(&hub, Link::Pipe(pipe)));
    let [stalled, free, held, newcomer] = &clients;
    subscribe(&hub, stalled, "stuck").await;
    let join = async |client: &Arc<Client>, name: &str, watches: bool| {
        let options = JoinOptions {
            watches: watches.then_some(true),
            ..JoinOptions::default()
        };
        let (kind, name) = (TopicKind::Channel, name.into());
        let joined = hub.join(client, kind, &name, options, |_, _| None);
        joined.in_time().await.unwrap();
    };
    join(free, "free", true).await;
    join(held, "held", true).await;
    stop_shard(&hub, dialect).await;

    let hears = async |pipe: &Pipe| {
        let heard = drain(pipe).await;
        String::from_utf8_lossy(&heard).contains(r#""connections":2"#)
    };
    join(newcomer, "held", false).await;
    join(newcomer, "free", false).await;
    eventually("the announcement", async || hears(&pipes[1]).await).await;

    dialect.set(State::LetGo);
    eventually("the other one", async || hears(&pipes[2]).await).await;
    shards.shutdown_background();
}

#[tokio::test]
async fn the_clean_up_after_a_client_does_not_wait_for_a_stuck_shard_in_other_rooms() {
    let dialect: &'static Sticky = Box::leak(Box::default());
    let (hub, shards) = hub(dialect);
    let pipes: [Arc<Pipe>; 4] = Default::default();
    // Every second client is on the second shard.
    let clients = pipes.clone().map(|pipe| connect(&hub, Link::Pipe(pipe)));
    let [stalled, leaver, held, free] = &clients;
    subscribe(&hub, stalled, "stuck").await;
    let (room, options) = (TopicKind::Room, JoinOptions::default());
    for (name, members) in [("free", [leaver, free]), ("held", [leaver, held])] {
        for member in members {
            let name = name.into();
            let joined = hub.join(member, room, &name, options, |_, _| None);
            joined.in_time().await.unwrap();
        }
    }
    stop_shard(&hub, dialect).await;

    let notice = NativeText::source("left");
    let mut disconnect = pin!(hub.disconnect(leaver, |_| Some(notice.clone())));
    let told = eventually("the notice", async || {
        drain(&pipes[3]).await == b"\x81\x04left"
    });
    tokio::select! {
        ended = &mut disconnect => panic!("a shard is stuck: {ended:?}"),
        () = told => {}
    }
    assert!(
        leaver
            .topics()
            .iter()
            .all(|topic| &**topic.name() == "held")
    );
    assert_eq!(leaver.topics().len(), 1);

    dialect.set(State::LetGo);
    let ended = within_a_minute("the rest of the clean-up", disconnect).await;
    assert_eq!(ended, Ok(true));
    assert_eq!(leaver.topics().len(), 0);
    eventually("the notice", async || {
        drain(&pipes[2]).await == b"\x81\x04left"
    })
    .await;
    shards.shutdown_background();
}
