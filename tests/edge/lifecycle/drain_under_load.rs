//! A drain while everybody publishes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;
use wavecast::PublishError;

use crate::support::{CLOSE, PING, TEXT, TestServer, config, within};

const PUBLISHERS: usize = 8;
const SUBSCRIBERS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_arrives_before_the_close_whoever_still_publishes() {
    let edge = TestServer::start(config(|config| config.mailbox_capacity = 4)).await;
    let mut readers = JoinSet::new();
    for _ in 0..SUBSCRIBERS {
        let mut client = edge.connect().await;
        client.subscribe("news").await;
        readers.spawn(async move {
            let mut heard = vec![Vec::new(); PUBLISHERS];
            loop {
                let next = client.next_frame().await;
                match next.first {
                    TEXT => {
                        let event: serde_json::Value =
                            serde_json::from_slice(&next.payload).unwrap();
                        if event["channel"] == "news" {
                            let index = |name| event["data"][name].as_u64().unwrap() as usize;
                            heard[index("publisher")].push(index("number"));
                        }
                    }
                    CLOSE => break assert_eq!(next.close().0, 1001),
                    PING => {}
                    other => panic!("a frame that begins with {other:#x}"),
                }
            }
            client.expect_end().await;
            heard
        });
    }
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let server = Arc::clone(&edge.server);
        publishers.spawn(async move {
            for number in 0.. {
                let data = json!({"publisher": publisher, "number": number});
                match server.publish("news", &data).await {
                    Ok(published) => assert_eq!(published.subscribers, SUBSCRIBERS),
                    Err(error) => {
                        assert_eq!(error, PublishError::ShuttingDown);
                        return (publisher, number);
                    }
                }
                yield_now().await;
            }
            unreachable!("it publishes until it is refused")
        });
    }
    sleep(Duration::from_millis(50)).await;
    assert_eq!(within("the drain", edge.server.drain()).await, 0);
    let mut accepted = vec![Vec::new(); PUBLISHERS];
    for (publisher, count) in publishers.join_all().await {
        accepted[publisher] = (0..count).collect();
    }
    assert!(accepted.iter().any(|accepted| accepted.len() > 1));
    for heard in readers.join_all().await {
        assert_eq!(heard, accepted, "all that was acknowledged, in order");
    }
}
