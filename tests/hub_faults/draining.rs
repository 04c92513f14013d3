//! Connections that become known while a node drains.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::poll;
use tokio_util::task::TaskTracker;
use wavecast::dialect::Dialects;
use wavecast::hub::{ClientInfo, Hub, Link, Pipe};
use wavecast::node::{DrainOptions, Node, NodeOptions};
use wavecast::protocol::{Identity, UserId};

use super::support::{connect, drain, one_place, text};
use crate::patience::{InTime as _, within};

/// A drain once returned before such a connection was told, and the process ended.
#[tokio::test]
async fn a_drain_waits_for_connections_that_wait_for_its_announcement() {
    let hub = Hub::new(&one_place(), Dialects::default(), &TaskTracker::new());
    let node = Node::new(hub, NodeOptions::default());
    node.begin_drain();
    let pipe = Arc::<Pipe>::default();
    let link = Link::Pipe(pipe.clone());
    let mut connecting = pin!(node.connect(ClientInfo::default(), None, link));
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

/// A future that its waker polls at once, on the same stack, so that nothing runs in between.
struct PolledByWaker<T>(Mutex<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T> PolledByWaker<T> {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<T> {
        self.0.lock().unwrap().as_mut().poll(cx)
    }
}

impl<T> Wake for PolledByWaker<T> {
    fn wake(self: Arc<Self>) {
        let polled = self.poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "it waits for the mailbox");
    }
}

/// The drain closes those who were there when it told everybody. If a latecomer were among them,
/// its Close frame could overtake the announcement, and nothing follows a Close frame.
#[tokio::test(start_paused = true)]
async fn a_latecomer_is_not_closed_with_those_who_were_told() {
    let hub = Hub::new(&one_place(), Dialects::default(), &TaskTracker::new());
    let node = Arc::new(Node::new(hub, NodeOptions::default()));
    let member = connect(node.hub(), Link::Detached);
    node.hub().probe().in_time().await.unwrap();
    node.begin_drain();
    let pipe = Arc::<Pipe>::default();
    let link = Link::Pipe(pipe.clone());
    let identity = Identity::new(UserId::new("ann").unwrap());
    let info = ClientInfo {
        identity: Some(Arc::new(identity)),
        ..ClientInfo::default()
    };
    let connecting = Box::pin({
        let node = node.clone();
        async move { node.connect(info, None, link).await }
    });
    let connecting = Arc::new(PolledByWaker(Mutex::new(connecting)));
    let waker = Waker::from(connecting.clone());
    let waiting = connecting.poll(&mut Context::from_waker(&waker));
    assert!(waiting.is_pending(), "nothing is announced");

    // The latecomer will be known at once, and then wait to be subscribed to its own channel.
    let fill = node.hub().send(&member, text("fills the mailbox"));
    fill.in_time().await.unwrap();
    let options = DrainOptions::default();
    let mut draining = pin!(node.drain(&options));
    assert!(poll!(&mut draining).is_pending(), "a connection is waiting");
    assert_eq!(node.connection_count(), 1, "the latecomer is known");
    let ending = async {
        let client = poll_fn(|cx| connecting.poll(cx)).await.unwrap();
        node.hub().probe().await.unwrap();
        let written = drain(&pipe).await;
        node.disconnect(&client).await.unwrap();
        node.release(&client, false).unwrap();
        written
    };
    let both = async { tokio::join!(draining, ending) };
    let (left, written) = within("the drain", both).await;
    assert_eq!(left, 0);
    let text = String::from_utf8_lossy(&written);
    assert_eq!(text.matches(r#""event":"shutdown""#).count(), 1, "{text}");
    assert!(written.ends_with(b"\x88\x0a\x03\xe9shutdown"), "{text}");
}
