//! What reaches a client at the moment at which it connects. It can be found in the registry by
//! then, and its shard may not know it yet.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::NativeText;
use wavecast::hub::{Client, ClientInfo, Hub, HubOptions, Link, Phase, Pipe};
use wavecast::protocol::TopicKind;

use super::support::{drain, no_pings, subscribe, text};
use crate::patience::{InTime as _, within_a_minute};
use crate::watchdog::watch;

/// Often enough to meet the moment on any machine that has two cores.
const ROUNDS: usize = 2000;
const STEPS: usize = 200;
const LONG: std::time::Duration = std::time::Duration::from_secs(60);

/// Connects clients one after the other. Another task calls `at_once` with each of them, as soon as
/// the registry has it, and `check` is called when both are done. Somebody else uses the lock of the
/// count of connections, so that this step takes longer now and then.
async fn race(
    at_once: impl AsyncFn(&Hub, &Arc<Client>),
    check: impl AsyncFn(&Hub, &Arc<Client>, &Pipe),
) {
    watch();
    let options = HubOptions {
        shards: 1,
        ..no_pings()
    };
    let hub = Arc::new(Hub::new(&options, Dialects::default(), &TaskTracker::new()));
    let weak = Arc::downgrade(&hub);
    let reading = spawn_blocking(move || {
        while let Some(hub) = weak.upgrade() {
            black_box(hub.connections());
        }
    });
    for round in 0..ROUNDS {
        let (id, pipe) = (Uuid::now_v7(), Arc::<Pipe>::default());
        let link = Link::Pipe(pipe.clone());
        let connecting = spawn_blocking({
            let hub = hub.clone();
            move || hub.connect(id, ClientInfo::default(), link)
        });
        let client = loop {
            match hub.client(id) {
                Some(client) => break client,
                // Without a yield, which would take longer than the moment.
                None => spin_loop(),
            }
        };
        // Each round a little later, so that some of them meet every step of the connect.
        for _ in 0..round % STEPS {
            black_box(&client);
        }
        at_once(&hub, &client).await;
        let connected = connecting.in_time().await.unwrap();
        connected.unwrap().expect("a new id");
        check(&hub, &client, &pipe).await;
        hub.disconnect(&client, |_| None).in_time().await.unwrap();
        hub.release(&client, true).unwrap();
        assert_eq!((hub.connections(), hub.links()), (0, 0));
    }
    drop(hub);
    reading.in_time().await.unwrap();
}

/// Waits until everything that was sent has been written: by the second answer, all that came before
/// the first has been.
async fn flushed(hub: &Hub) {
    for _ in 0..2 {
        hub.probe().in_time().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_close_reaches_a_client_that_is_connecting() {
    let close = async |hub: &Hub, client: &Arc<Client>| {
        let closed = hub.close(client, text("last"), LONG);
        closed.in_time().await.unwrap();
    };
    let check = async |hub: &Hub, client: &Arc<Client>, pipe: &Pipe| {
        flushed(hub).await;
        assert_ne!(client.phase(), Phase::Open);
        assert_eq!(drain(pipe).await, b"\x81\x04last");
    };
    within_a_minute("all rounds", race(close, check)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_client_that_is_cleaned_up_while_it_connects_is_counted_right() {
    let clean_up = async |hub: &Hub, client: &Arc<Client>| {
        hub.disconnect(client, |_| None).in_time().await.unwrap();
        assert_eq!(hub.connections(), 0);
    };
    let check = async |hub: &Hub, _: &Arc<Client>, _: &Pipe| {
        assert_eq!(hub.connections(), 0);
    };
    within_a_minute("all rounds", race(clean_up, check)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_client_that_joins_while_it_connects_receives_the_topic() {
    let join = async |hub: &Hub, client: &Arc<Client>| {
        subscribe(hub, client, "news").await;
        hub.send(client, text("own")).in_time().await.unwrap();
    };
    let check = async |hub: &Hub, _: &Arc<Client>, pipe: &Pipe| {
        let (name, news) = ("news".into(), NativeText::source("news"));
        let published = hub.publish(TopicKind::Channel, &name, &news, None, |_| None);
        assert_eq!(published.in_time().await.unwrap().members, 1);
        flushed(hub).await;
        assert_eq!(drain(pipe).await, b"\x81\x03own\x81\x04news");
    };
    within_a_minute("all rounds", race(join, check)).await;
}
