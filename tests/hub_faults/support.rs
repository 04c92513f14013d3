//! Helpers that the tests of this binary share.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use uuid::Uuid;
use wavecast::hub::{Client, ClientInfo, Hub, HubOptions, JoinOptions, Link, Pipe};
use wavecast::protocol::TopicKind;
use wavecast::wire::Frame;

use crate::patience::InTime as _;
use crate::watchdog::watch;

const NEVER: Duration = Duration::from_secs(24 * 3600);

/// The defaults, without pings: there would be one between the frames of a test that takes long.
pub fn no_pings() -> HubOptions {
    watch();
    HubOptions {
        ping_interval: NEVER,
        pong_timeout: NEVER,
        ..HubOptions::default()
    }
}

/// One shard whose mailbox holds one entry, so that every second caller waits.
pub fn one_place() -> HubOptions {
    HubOptions {
        shards: 1,
        mailbox_capacity: 1,
        ..no_pings()
    }
}

pub fn text(text: &str) -> Frame {
    Frame::text(text.into())
}

pub fn connect(hub: &Hub, link: Link) -> Arc<Client> {
    watch();
    let connected = hub.connect(Uuid::now_v7(), ClientInfo::default(), link);
    connected.unwrap().expect("a new id")
}

pub async fn subscribe(hub: &Hub, client: &Arc<Client>, name: &str) {
    let (kind, name) = (TopicKind::Channel, name.into());
    let joined = hub.join(client, kind, &name, JoinOptions::default(), |_, _| None);
    joined.in_time().await.unwrap();
}

/// Takes everything that is in a pipe.
pub async fn drain(pipe: &Pipe) -> Vec<u8> {
    let mut bytes = Vec::new();
    poll_fn(|cx| {
        while let Poll::Ready(true) = pipe.poll_read(cx, &mut bytes) {}
        Poll::Ready(())
    })
    .await;
    bytes
}
