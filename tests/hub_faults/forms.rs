//! Forms of a publication, and publications that were numbered elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_util::task::TaskTracker;
use uuid::Uuid;
use wavecast::dialect::native::NativeText;
use wavecast::dialect::{At, ClassId, Dialects, Encoded, Outgoing, Source};
use wavecast::history::HistoryLimits;
use wavecast::hub::{
    Client, ClientInfo, Delivery, DeliveryError, Hub, HubOptions, JoinOptions, Link, OutOfOrder,
    Pipe, TopicOptions, TopicRules,
};
use wavecast::protocol::{
    HistoryRequest, Json, ResumeRequest, ServerMessage, TopicKind, TopicMessage,
};
use wavecast::wire::{Frame, FrameRole};

use super::support::{drain, no_pings, subscribe};
use crate::patience::{InTime as _, eventually};
use crate::watchdog::watch;

/// A source that counts the forms it makes for other classes than the native one.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl Source for Counting {
    fn plain(&self) -> Frame {
        Frame::text("{}".into())
    }

    fn sequenced(&self, plain: &Frame, _: At<'_>) -> Frame {
        plain.clone()
    }

    fn encode(&self, class: ClassId, at: Option<At<'_>>) -> Frame {
        self.0.fetch_add(1, Ordering::SeqCst);
        let offset = at.map_or(0, |at| at.offset);
        let text = format!("<{} {offset}>", class.index());
        Frame::unframed(FrameRole::Data, text.as_bytes().into())
    }

    fn bytes(&self) -> usize {
        0
    }
}

fn connect(hub: &Hub, class: ClassId) -> (Arc<Client>, Arc<Pipe>) {
    let pipe = Arc::<Pipe>::default();
    let info = ClientInfo {
        class,
        ..ClientInfo::default()
    };
    let connected = hub.connect(Uuid::now_v7(), info, Link::Pipe(pipe.clone()));
    (connected.unwrap().expect("a new id"), pipe)
}

fn hub() -> Hub {
    hub_of(2)
}

fn hub_of(shards: usize) -> Hub {
    watch();
    let options = HubOptions {
        shards,
        topics: TopicRules::all(TopicOptions {
            history: Some(HistoryLimits::default()),
            ..TopicOptions::default()
        }),
        ..no_pings()
    };
    Hub::new(&options, Dialects::default(), &TaskTracker::new())
}

/// Publishes one source to each channel, alone or with the others in one batch of the shards.
#[tokio::test]
async fn a_form_is_made_once_for_all_its_recipients_and_never_without_one() {
    let hub = hub();
    let (class, other) = (ClassId::new(3), ClassId::new(4));
    let mut takers = Vec::new();
    for index in 0..20 {
        let (client, pipe) = connect(&hub, class);
        for channel in ["one", "two"] {
            subscribe(&hub, &client, channel).await;
        }
        if index == 0 {
            let (native, _) = connect(&hub, ClassId::NATIVE);
            subscribe(&hub, &native, "one").await;
            subscribe(&hub, &native, "natives").await;
        }
        takers.push(pipe);
    }
    let (bystander, _) = connect(&hub, other);
    subscribe(&hub, &bystander, "three").await;
    hub.probe().in_time().await.unwrap();
    let [first, second, unwanted]: [Arc<Counting>; 3] = Default::default();
    for (channel, counting) in [("one", &first), ("natives", &unwanted), ("two", &second)] {
        let source: Arc<dyn Source> = counting.clone();
        let name = channel.into();
        let published = hub.publish(TopicKind::Channel, &name, &source, None, |_| None);
        published.in_time().await.unwrap();
    }
    for pipe in &takers {
        let mut received = Vec::new();
        eventually("both publications", async || {
            received.extend(drain(pipe).await);
            received.len() >= 10
        })
        .await;
        assert_eq!(received, b"<3 0><3 0>");
    }
    assert_eq!(first.0.load(Ordering::SeqCst), 1);
    assert_eq!(second.0.load(Ordering::SeqCst), 1);
    assert_eq!(unwanted.0.load(Ordering::SeqCst), 0);
}

/// Those who get positions and those who do not take the same form of it.
#[tokio::test]
async fn a_notice_has_one_form_since_it_has_no_position() {
    let hub = hub_of(1);
    let class = ClassId::new(3);
    let (plain, first) = connect(&hub, class);
    let (positioned, second) = connect(&hub, class);
    subscribe(&hub, &plain, "news").await;
    let request = ResumeRequest {
        since: None,
        last: Some(1),
    };
    let options = JoinOptions {
        resume: Some(&request),
        ..JoinOptions::default()
    };
    let (kind, name) = (TopicKind::Channel, "news".into());
    let joined = hub.join(&positioned, kind, &name, options, |_, _| None);
    joined.in_time().await.unwrap();
    let counting = Arc::<Counting>::default();
    let source: Arc<dyn Source> = counting.clone();
    let told = hub.broadcast(kind, "news", &source, None);
    assert_eq!(told.in_time().await.unwrap(), 2);
    for pipe in [first, second] {
        eventually("the notice", async || drain(&pipe).await == b"<3 0>").await;
    }
    assert_eq!(counting.0.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_publication_that_is_refused_leaves_no_topic() {
    let hub = hub();
    let delivery = Delivery {
        source: &NativeText::source("{}"),
        offset: Some(2),
        origin: None,
    };
    let name = "news".into();
    let delivered = hub.deliver(TopicKind::Channel, &name, delivery, |_| None);
    let refused = DeliveryError::OutOfOrder(OutOfOrder { expected: 1 });
    assert_eq!(delivered.in_time().await, Err(refused));
    assert_eq!(hub.topics(TopicKind::Channel).len(), 0);
}

#[tokio::test]
async fn a_publication_numbered_elsewhere_needs_the_next_offset() {
    let hub = hub();
    let (client, pipe) = connect(&hub, ClassId::NATIVE);
    subscribe(&hub, &client, "news").await;
    let source = NativeText::source(r#"{"n":1}"#);
    let deliver = async |offset| {
        let delivery = Delivery {
            source: &source,
            offset,
            // A client of another node.
            origin: Some(Uuid::now_v7()),
        };
        let name = "news".into();
        let delivered = hub.deliver(TopicKind::Channel, &name, delivery, |_| None);
        let delivered = delivered.in_time().await;
        delivered.map(|accepted| (accepted.members, accepted.position.unwrap().offset))
    };
    let out_of_order = |expected| Err(DeliveryError::OutOfOrder(OutOfOrder { expected }));
    assert_eq!(deliver(Some(2)).await, out_of_order(1));
    assert_eq!(deliver(Some(1)).await, Ok((1, 1)));
    assert_eq!(deliver(Some(1)).await, out_of_order(2));
    assert_eq!(deliver(None).await, Ok((1, 2)));
    assert_eq!(deliver(Some(3)).await, Ok((1, 3)));
    let request = HistoryRequest::new(None, None, None).unwrap();
    let page = hub.history(TopicKind::Channel, "news", request, usize::MAX);
    assert_eq!(page.unwrap().page.items.len(), 3);
    hub.probe().in_time().await.unwrap();
    eventually("three frames", async || {
        let bytes = drain(&pipe).await;
        bytes == b"\x81\x07{\"n\":1}".repeat(3)
    })
    .await;
}

/// What the origin gets is the acknowledgement, wherever it is a member.
#[tokio::test]
async fn the_origin_gets_the_acknowledgement_and_the_others_the_publication() {
    let hub = hub();
    let (author, own) = connect(&hub, ClassId::NATIVE);
    let (reader, others) = connect(&hub, ClassId::new(3));
    for client in [&author, &reader] {
        subscribe(&hub, client, "news").await;
    }
    let source: Arc<dyn Source> = Arc::<Counting>::default();
    let ack = |_: &_| Some(Frame::text("ack".into()));
    let name = "news".into();
    let published = hub.publish(TopicKind::Channel, &name, &source, Some(author.id()), ack);
    assert_eq!(published.in_time().await.unwrap().members, 1);
    for (pipe, expected) in [(own, &b"\x81\x03ack"[..]), (others, &b"<3 0>"[..])] {
        eventually("the frame", async || drain(&pipe).await == expected).await;
    }
}

/// Alone, the broadcasts are one run; with one to a channel between them, a stretch of several topics.
#[tokio::test]
async fn a_broadcast_to_everyone_reaches_each_class_in_its_form_and_in_order() {
    const EACH: usize = 70;
    const RUN: usize = 3;
    for is_mixed in [false, true] {
        let hub = hub_of(1);
        let classes = [ClassId::NATIVE, ClassId::new(3), ClassId::new(4)];
        let mut pipes = Vec::new();
        for _ in 0..EACH {
            for class in classes {
                pipes.push((class, connect(&hub, class)));
            }
        }
        let _detached = hub.connect(Uuid::now_v7(), ClientInfo::default(), Link::Detached);
        let (_, (reader, _)) = &pipes[0];
        subscribe(&hub, reader, "news").await;
        hub.probe().in_time().await.unwrap();
        let made = Arc::<Counting>::default();
        let source: Arc<dyn Source> = made.clone();
        let news = NativeText::source("news");
        for round in 0..RUN {
            let told = hub.broadcast_to_everyone(&source);
            assert_eq!(told.in_time().await.unwrap(), 3 * EACH);
            if is_mixed && round == 0 {
                let told = hub.broadcast(TopicKind::Channel, "news", &news, None);
                assert_eq!(told.in_time().await.unwrap(), 1);
            }
        }
        // Longer than what is copied, and than what a pipe holds.
        let long = "x".repeat(20_000);
        let longest = NativeText::source(&long);
        let told = hub.broadcast_to_everyone(&longest);
        told.in_time().await.unwrap();
        for (index, (class, (_, pipe))) in pipes.iter().enumerate() {
            let mut received = Vec::new();
            let what = format!("the long one, {class:?} {index}");
            eventually(&what, async || {
                received.extend(drain(pipe).await);
                received.ends_with(long.as_bytes())
            })
            .await;
            let mut expected = match class.index() {
                0 => vec!["\u{81}\u{2}{}".to_owned(); RUN],
                class => vec![format!("<{class} 0>"); RUN],
            };
            if index == 0 && is_mixed {
                expected.insert(1, "\u{81}\u{4}news".to_owned());
            }
            // One byte per character.
            let expected: Vec<u8> = expected.concat().chars().map(|c| c as u8).collect();
            let header = received.len() - long.len() - expected.len();
            assert_eq!(received[..expected.len()], expected, "{class:?} {index}");
            assert_eq!(header, 4, "{class:?}");
        }
        assert_eq!(made.0.load(Ordering::SeqCst), 2 * RUN);
        assert_eq!(hub.metrics().slow_consumers_total.get(), 0);
    }
}

#[test]
fn a_message_that_was_encoded_before_has_a_form_for_each_class() {
    let dialects = Dialects::default();
    let message = ServerMessage::Pong;
    let source = Encoded::source(dialects, &message);
    for class in [ClassId::NATIVE, ClassId::EVENT_STREAM] {
        let expected = dialects.of(class).message(&message, None);
        assert_eq!(source.encode(class, None), expected, "{class:?}");
    }
}

/// A history counts it, beside the native form.
#[test]
fn the_size_of_a_source_includes_its_message() {
    let size = |length: usize| {
        let message = TopicMessage::Message {
            room: "general".into(),
            from: "ann".into(),
            content: Json::encode(&"x".repeat(length)).unwrap(),
        };
        Outgoing::source(Dialects::default(), message).bytes()
    };
    assert!((1000..1100).contains(&(size(1000) - size(0))));
}

#[tokio::test]
async fn no_form_is_made_for_a_class_whose_last_member_has_left() {
    let hub = hub_of(1);
    let (native, pipe) = connect(&hub, ClassId::NATIVE);
    let (other, _) = connect(&hub, ClassId::new(3));
    for client in [&native, &other] {
        subscribe(&hub, client, "news").await;
    }
    let left = hub.leave(&other, TopicKind::Channel, "news", None, None);
    left.in_time().await.unwrap();
    let counting = Arc::<Counting>::default();
    let source: Arc<dyn Source> = counting.clone();
    let name = "news".into();
    let published = hub.publish(TopicKind::Channel, &name, &source, None, |_| None);
    published.in_time().await.unwrap();
    eventually("the frame", async || drain(&pipe).await == b"\x81\x02{}").await;
    hub.probe().in_time().await.unwrap();
    assert_eq!(counting.0.load(Ordering::SeqCst), 0);
}
