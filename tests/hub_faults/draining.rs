//! Connections that become known while a node drains.

use std::pin::pin;
use std::sync::Arc;

use futures_util::poll;
use tokio_util::task::TaskTracker;
use wavecast::dialect::Dialects;
use wavecast::hub::{ClientInfo, Hub, Link, Pipe};
use wavecast::node::{DrainOptions, Node, NodeOptions};

use super::support::{drain, one_place};
use crate::patience::InTime as _;

/// A drain once returned before such a connection was told, and the process ended.
#[tokio::test]
async fn a_drain_waits_for_connections_that_wait_for_its_announcement() {
    let hub = Hub::new(&one_place(), Dialects::default(), &TaskTracker::new());
    let node = Node::new(hub, NodeOptions::default());
    node.begin_drain();
    let pipe = Arc::<Pipe>::default();
    let link = Link::Pipe(pipe.clone());
    let mut connecting = pin!(node.connect(ClientInfo::default(), link));
    assert!(poll!(&mut connecting).is_pending(), "nothing is announced");

    let options = DrainOptions::default();
    let mut draining = pin!(node.drain(&options));
    assert!(poll!(&mut draining).is_pending(), "a connection is waiting");
    let client = connecting.in_time().await.unwrap();
    node.hub().probe().in_time().await.unwrap();
    let written = drain(&pipe).await;
    let text = String::from_utf8_lossy(&written);
    assert_eq!(text.matches(r#""event":"shutdown""#).count(), 1, "{text}");
    assert!(written.ends_with(b"\x88\x0a\x03\xe9shutdown"), "{text}");
    node.disconnect(&client).in_time().await.unwrap();
    node.release(&client, false).unwrap();
    assert_eq!(draining.in_time().await, 0);
}
