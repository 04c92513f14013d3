//! Histories with what a reply cannot contain.

use tokio_util::task::TaskTracker;
use wavecast::dialect::native::Native;
use wavecast::dialect::{At, Dialect, Dialects};
use wavecast::history::HistoryLimits;
use wavecast::hub::{Hub, HubOptions, TopicOptions, TopicRules};
use wavecast::node::{Node, NodeOptions};
use wavecast::protocol::{
    ChannelName, ErrorCode, EventData, HistoryRequest, Json, PublishRequest, ServerMessage, Target,
    TopicMessage, TopicName,
};
use wavecast::wire::Frame;

use super::support::one_place;
use crate::patience::InTime as _;

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

/// A page once lacked them without saying so.
#[tokio::test]
async fn a_page_that_would_lack_a_publication_is_refused() {
    let topics = TopicRules::all(TopicOptions {
        history: Some(HistoryLimits::default()),
        ..TopicOptions::default()
    });
    let options = HubOptions {
        topics,
        ..one_place()
    };
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
