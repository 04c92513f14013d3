//! Writes of a run that a stream accepts only in part.

use std::sync::Arc;

use tokio::task::yield_now;
use tokio_util::task::TaskTracker;
use wavecast::dialect::Dialects;
use wavecast::dialect::native::NativeText;
use wavecast::hub::{Hub, HubOptions, Link, Pipe};
use wavecast::protocol::TopicKind;
use wavecast::wire::Frame;

use super::support::{connect, drain, no_pings, subscribe, text};
use crate::patience::{InTime as _, eventually};

/// Bytes of a pipe.
const PIPE: usize = 16 * 1024;
/// Bytes of the WebSocket header of the messages here.
const HEADER: usize = 4;

/// The message with this number, of `len` bytes.
fn message(number: u8, len: usize) -> String {
    char::from(b'a' + number).to_string().repeat(len)
}

/// Publishes a run, and checks that the client gets all of it although its pipe holds a part.
async fn deliver(lens: [usize; 4]) {
    let options = HubOptions {
        shards: 1,
        ..no_pings()
    };
    let hub = Hub::new(&options, Dialects::default(), &TaskTracker::new());
    let pipe = Arc::new(Pipe::default());
    let client = connect(&hub, Link::Pipe(pipe.clone()));
    subscribe(&hub, &client, "news").await;
    yield_now().await;
    drain(&pipe).await;
    let mut expected = Vec::new();
    // Nothing waits in between, so the shard finds all of them together.
    for (number, len) in (0..).zip(lens) {
        let message = message(number, len);
        let frame: Frame = text(&message);
        frame.copy_to(&mut expected);
        let (kind, name, message) = (
            TopicKind::Channel,
            "news".into(),
            NativeText::source(&message),
        );
        let published = hub.publish(kind, &name, &message, None, |_| None);
        published.in_time().await.unwrap();
    }
    let mut received = Vec::new();
    eventually("the whole run", async || {
        received.extend(drain(&pipe).await);
        received.len() >= expected.len()
    })
    .await;
    assert!(received == expected, "{lens:?}");
}

#[tokio::test]
async fn a_write_may_end_anywhere_in_a_run() {
    let half = PIPE / 2 - HEADER;
    // After the first or the second message, within a header, and within a payload.
    deliver([PIPE - HEADER, 200, 200, 200]).await;
    deliver([half, half, 200, 200]).await;
    for before in 1..=HEADER + 1 {
        deliver([half, half - before, 200, 200]).await;
    }
    deliver([half, half + 1, 200, 200]).await;
}
