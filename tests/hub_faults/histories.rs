//! Histories with what a reply cannot contain, and of topics that are forgotten meanwhile.

use std::pin::pin;

use futures_util::poll;
use tokio_util::task::TaskTracker;
use wavecast::dialect::native::{Native, NativeText};
use wavecast::dialect::{At, Dialect, Dialects};
use wavecast::history::HistoryLimits;
use wavecast::hub::{Hub, HubOptions, Link, TopicOptions, TopicRules};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::{
    ChannelName, ErrorCode, EventData, HistoryRequest, Json, PublishRequest, ServerMessage, Target,
    TopicKind, TopicMessage, TopicName,
};
use wavecast::wire::Frame;

use super::support::{connect, one_place, subscribe, text};
use crate::patience::{InTime as _, within};

/// Writes the second publication as bytes that are not text.
#[derive(Debug)]
struct Binary;

impl Dialect for Binary {
    fn message(&self, message: &ServerMessage<'_>, reply_to: Option<&Json>) -> Frame {
        Native.message(message, reply_to)
    }

    fn topic_message(&self, message: &TopicMessage, at: Option<At<'_>>) -> Frame {
        match at {
            Some(At { offset: 2, .. }) => Frame::binary([0xff, 0xfe].into()),
            _ => Native.topic_message(message, at),
        }
    }
}

fn with_history() -> HubOptions {
    let topics = TopicRules::all(TopicOptions {
        history: Some(HistoryLimits::default()),
        ..TopicOptions::default()
    });
    HubOptions {
        topics,
        ..one_place()
    }
}

/// A page once lacked them without saying so.
#[tokio::test]
async fn a_page_that_would_lack_a_publication_is_refused() {
    let options = with_history();
    let hub = Hub::new(&options, Dialects::new(&Binary, &[]), &TaskTracker::new());
    let node = Node::new(hub, NodeOptions::default());
    for _ in 0..3 {
        let request = PublishRequest {
            target: Target::channels(vec![ChannelName::new("news").unwrap()]).unwrap(),
            id: None,
            name: None,
            data: EventData::default(),
        };
        node.publish(request).in_time().await.unwrap();
    }
    let page = |before| {
        let request = HistoryRequest::new(before, None, None).unwrap();
        node.history(TopicName::Channel("news"), request)
    };
    assert!(page(Some(2)).unwrap().contains(r#""offset":1"#));
    assert_eq!(page(None).unwrap_err().code, ErrorCode::Internal);
}

#[tokio::test]
async fn a_publication_that_waits_while_its_topic_is_forgotten_is_kept() {
    let hub = Hub::new(&with_history(), Dialects::default(), &TaskTracker::new());
    let reader = connect(&hub, Link::Detached);
    subscribe(&hub, &reader, "news").await;
    hub.probe().in_time().await.unwrap();
    let fill = hub.send(&reader, text("fills the mailbox"));
    fill.in_time().await.unwrap();
    let (kind, name) = (TopicKind::Channel, "news".into());
    let source = NativeText::source("{}");
    let mut leaving = pin!(hub.leave(&reader, kind, "news", None, None));
    let mut publishing = pin!(hub.publish(kind, &name, &source, None, |_| None));
    assert!(poll!(&mut leaving).is_pending());
    assert!(poll!(&mut publishing).is_pending());
    // The last member leaves first, and nothing was published before.
    let both = async { tokio::join!(leaving, publishing) };
    let (left, published) = within("both", both).await;
    left.unwrap();
    let position = published.unwrap().position.expect("a position");
    let request = HistoryRequest::new(None, None, None).unwrap();
    let kept = hub.history(kind, "news", request, usize::MAX).unwrap();
    assert_eq!((kept.page.items.len(), kept.top), (1, position));
}
