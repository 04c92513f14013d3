//! What the tests of this binary share.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;
use uuid::Uuid;
use wavecast::hub::{Client, ClientInfo, Hub, HubOptions, JoinOptions, Link, Pipe};
use wavecast::protocol::TopicKind;
use wavecast::wire::Frame;

pub const PATIENCE: Duration = Duration::from_secs(5);

/// One shard whose mailbox holds one entry: whoever wants a second place waits.
pub fn narrow() -> HubOptions {
    HubOptions {
        shards: 1,
        mailbox_capacity: 1,
        ..HubOptions::default()
    }
}

pub fn text(text: &str) -> Frame {
    Frame::text(text.into())
}

pub async fn connect(hub: &Hub, link: Link) -> Arc<Client> {
    let connected = hub.connect(Uuid::now_v7(), ClientInfo::default(), link);
    connected.await.unwrap().expect("a new id")
}

pub async fn subscribe(hub: &Hub, client: &Arc<Client>, name: &str) {
    let (kind, name) = (TopicKind::Channel, name.into());
    let joined = hub.join(client, kind, &name, JoinOptions::default(), |_, _| None);
    joined.await.unwrap();
}

/// What waits in a pipe now.
pub async fn drain(pipe: &Pipe) -> Vec<u8> {
    let mut bytes = Vec::new();
    poll_fn(|cx| {
        while let Poll::Ready(true) = pipe.poll_read(cx, &mut bytes) {}
        Poll::Ready(())
    })
    .await;
    bytes
}

pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, holds)
        .await
        .unwrap_or_else(|_| panic!("waited for {what}"));
}
