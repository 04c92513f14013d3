//! Which publications are dropped, where the gap notice goes, and that nothing is dropped
//! without one.

use std::io::IoSlice;

use proptest::prelude::*;

use super::super::MAX_SLICES;
use super::*;
use crate::dialect::{At, Dialect};
use crate::hub::log::LazyLog;
use crate::hub::topic::{People, TopicId};
use crate::protocol::{Json, ServerMessage, TopicKind, TopicMessage, TopicName};

/// Encodes messages as space-separated words that the tests can parse.
#[derive(Debug)]
struct Words;

impl Dialect for Words {
    fn message(&self, _: &ServerMessage<'_>, _: Option<&Json>) -> Frame {
        unreachable!("an outbox builds only gap notices")
    }

    fn topic_message(&self, _: &TopicMessage, _: Option<At<'_>>) -> Frame {
        unreachable!("an outbox builds only gap notices")
    }

    fn gap(&self, topic: TopicName<'_>, gap: Gap) -> Frame {
        let (from, to) = gap.offsets.expect("a gap with offsets");
        Frame::text(format!("gap {} {} {from} {to}", topic.name(), gap.missed).into())
    }
}

/// A parsed frame: a message with its topic and offset, or a gap notice.
#[derive(Debug, PartialEq, Eq)]
enum Text {
    Message(String, u64),
    Gap {
        topic: String,
        missed: u64,
        from: u64,
        to: u64,
    },
}

impl Text {
    fn parse(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').collect();
        let number = |at: usize| words[at].parse().expect("a number");
        match words[0] {
            "gap" => Self::Gap {
                topic: words[1].to_owned(),
                missed: number(2),
                from: number(3),
                to: number(4),
            },
            topic => Self::Message(topic.to_owned(), number(1)),
        }
    }

    fn short(&self) -> String {
        match self {
            Self::Message(topic, offset) => format!("{topic} {offset}"),
            Self::Gap {
                topic,
                missed,
                from,
                to,
            } => format!("gap {topic} {missed}: {from}-{to}"),
        }
    }
}

fn total() -> Arc<ShardTotal> {
    Arc::default()
}

fn notices(total: &Arc<ShardTotal>) -> Notices<'_> {
    Notices {
        dialect: &Words,
        total,
    }
}

fn topic(id: u64, overflow: Overflow) -> Arc<Topic> {
    let name = format!("t{id}").into();
    let identity = (TopicId(id), TopicKind::Channel, name);
    Arc::new(Topic::new(
        identity,
        1,
        overflow,
        LazyLog::None,
        People::Unknown,
    ))
}

fn frame(topic: u64, offset: u64, padding: usize) -> Frame {
    let padding = "x".repeat(padding);
    Frame::text(format!("t{topic} {offset} {padding}").into())
}

/// Appends up to `count` bytes from the outbox to `seen`.
fn write(outbox: &mut Outbox, mut count: usize, seen: &mut Vec<u8>) {
    while count > 0 && !outbox.is_empty() {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let used = outbox.gather(&mut slices);
        let bytes: Vec<u8> = slices[..used].iter().flat_map(|s| s.to_vec()).collect();
        let taken = count.min(bytes.len());
        seen.extend_from_slice(&bytes[..taken]);
        outbox.advance(taken);
        count -= taken;
    }
}

/// Parses the payloads of complete frames.
fn texts(mut bytes: &[u8]) -> Vec<Text> {
    let mut texts = Vec::new();
    while let [0x81, rest @ ..] = bytes {
        let (len, rest) = match rest {
            [126, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            [len, rest @ ..] => (usize::from(*len), rest),
            [] => panic!("incomplete header"),
        };
        let text = std::str::from_utf8(&rest[..len]).expect("complete frames");
        texts.push(Text::parse(text));
        bytes = &rest[len..];
    }
    assert!(bytes.is_empty(), "a frame that is not a text frame");
    texts
}

fn drain(outbox: &mut Outbox) -> Vec<String> {
    let mut seen = Vec::new();
    write(outbox, usize::MAX, &mut seen);
    texts(&seen).iter().map(Text::short).collect()
}

const FIVE: OutboxLimits = OutboxLimits {
    max_messages: 5,
    max_bytes: 100_000,
};

fn push(outbox: &mut Outbox, topic: &Arc<Topic>, offset: u64, blocked: bool) -> Result<(), Full> {
    let publication = Publication {
        topic,
        offset: Some(offset),
    };
    let frame = frame(topic.id().0, offset, 0);
    outbox.push_publication(frame, publication, (FIVE, notices(&total())), blocked)
}

#[test]
fn drop_oldest_replaces_the_topics_oldest_publications_with_one_gap_notice() {
    let mut outbox = Outbox::default();
    let (news, other) = (
        topic(1, Overflow::DropOldest),
        topic(2, Overflow::DropOldest),
    );
    push(&mut outbox, &other, 1, true).unwrap();
    outbox.push(frame(9, 1, 0), FIVE).unwrap();
    for offset in 1..=8 {
        assert_eq!(push(&mut outbox, &news, offset, true), Ok(()));
    }
    assert_eq!(
        drain(&mut outbox),
        ["t2 1", "t9 1", "gap t1 6: 1-6", "t1 7", "t1 8"]
    );
    assert_eq!(outbox.bytes(), 0);
}

#[test]
fn partly_written_frames_are_not_dropped_and_partly_written_notices_not_extended() {
    let mut outbox = Outbox::default();
    let news = topic(1, Overflow::DropOldest);
    for offset in 1..=5 {
        push(&mut outbox, &news, offset, true).unwrap();
    }
    let mut seen = Vec::new();
    write(&mut outbox, 3, &mut seen);
    push(&mut outbox, &news, 6, true).unwrap();
    let first = frame(1, 1, 0).len();
    write(&mut outbox, first - 3 + 3, &mut seen);
    // The first frame is written, and so is the beginning of the gap notice after it.
    for offset in 7..=9 {
        push(&mut outbox, &news, offset, true).unwrap();
    }
    write(&mut outbox, usize::MAX, &mut seen);
    let short: Vec<String> = texts(&seen).iter().map(Text::short).collect();
    assert_eq!(
        short,
        [
            "t1 1",
            "gap t1 2: 2-3",
            "gap t1 3: 4-6",
            "t1 7",
            "t1 8",
            "t1 9"
        ]
    );
}

#[test]
fn the_new_publication_is_dropped_when_the_topic_has_none_queued() {
    let mut outbox = Outbox::default();
    let news = topic(1, Overflow::DropOldest);
    for reply in 1..=4 {
        outbox.push(frame(9, reply, 0), FIVE).unwrap();
    }
    push(&mut outbox, &news, 1, true).unwrap();
    push(&mut outbox, &news, 2, true).unwrap();
    push(&mut outbox, &news, 3, true).unwrap();
    assert_eq!(
        drain(&mut outbox),
        ["t9 1", "t9 2", "t9 3", "t9 4", "gap t1 3: 1-3"]
    );
    for reply in 1..=5 {
        outbox.push(frame(9, reply, 0), FIVE).unwrap();
    }
    assert_eq!(
        push(&mut outbox, &news, 4, true),
        Err(Full),
        "no room for a notice"
    );
}

#[test]
fn latest_only_keeps_only_the_newest_while_the_socket_is_blocked() {
    let mut outbox = Outbox::default();
    let ticker = topic(1, Overflow::LatestOnly);
    for offset in 1..=3 {
        push(&mut outbox, &ticker, offset, false).unwrap();
    }
    assert_eq!(outbox.messages(), 3, "a batch alone is not a stall");
    outbox.push(frame(9, 1, 0), FIVE).unwrap();
    for offset in 4..=30 {
        push(&mut outbox, &ticker, offset, true).unwrap();
    }
    assert_eq!(drain(&mut outbox), ["gap t1 29: 1-29", "t9 1", "t1 30"]);
}

#[test]
fn droppable_publications_are_dropped_for_frames_that_must_be_kept() {
    let mut outbox = Outbox::default();
    let news = topic(1, Overflow::DropOldest);
    for offset in 1..=5 {
        push(&mut outbox, &news, offset, true).unwrap();
    }
    for reply in 1..=4 {
        let reply = frame(9, reply, 0);
        assert!(outbox.make_room_for(&reply, FIVE, notices(&total())));
        outbox.push(reply, FIVE).unwrap();
    }
    assert!(!outbox.make_room_for(&frame(9, 5, 0), FIVE, notices(&total())));
    assert_eq!(
        drain(&mut outbox),
        ["gap t1 5: 1-5", "t9 1", "t9 2", "t9 3", "t9 4"]
    );
}

#[test]
fn frames_of_a_previous_membership_are_not_dropped() {
    let mut outbox = Outbox::default();
    let news = topic(1, Overflow::DropOldest);
    for offset in 1..=2 {
        push(&mut outbox, &news, offset, true).unwrap();
    }
    outbox.seal(news.id());
    for offset in 3..=9 {
        push(&mut outbox, &news, offset, true).unwrap();
    }
    assert_eq!(
        drain(&mut outbox),
        ["t1 1", "t1 2", "gap t1 5: 3-7", "t1 8", "t1 9"]
    );
}

#[derive(Debug, Clone)]
enum Step {
    Publish {
        topic: usize,
        padding: usize,
        blocked: bool,
    },
    Reply {
        padding: usize,
    },
    Write {
        bytes: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3usize, 0..300usize, any::<bool>())
            .prop_map(|(topic, padding, blocked)| Step::Publish { topic, padding, blocked }),
        1 => (0..300usize).prop_map(|padding| Step::Reply { padding }),
        1 => (0..600usize).prop_map(|bytes| Step::Write { bytes }),
    ]
}

proptest! {
    #[test]
    fn every_drop_is_reported_and_no_limit_is_exceeded(
        steps in prop::collection::vec(step(), 1..150),
        max_messages in 1..12usize,
        max_bytes in 300..3000usize,
    ) {
        let options = OutboxLimits { max_messages, max_bytes };
        let topics = [
            topic(0, Overflow::DropOldest),
            topic(1, Overflow::DropOldest),
            topic(2, Overflow::LatestOnly),
        ];
        let (mut outbox, mut seen) = (Outbox::default(), Vec::new());
        let (total, expected) = (total(), super::tests::total());
        // The number of accepted publications per topic, and, last, of accepted replies.
        let mut accepted = [0u64; 4];
        for step in steps {
            match step {
                Step::Publish { topic, padding, blocked } => {
                    let offset = accepted[topic] + 1;
                    let publication = Publication { topic: &topics[topic], offset: Some(offset) };
                    let frame = frame(topic as u64, offset, padding);
                    if outbox.push_publication(frame, publication, (options, notices(&total)), blocked).is_err() {
                        // Evicted: nothing more is promised.
                        return Ok(());
                    }
                    accepted[topic] = offset;
                }
                Step::Reply { padding } => {
                    let reply = frame(3, accepted[3] + 1, padding);
                    if !outbox.make_room_for(&reply, options, notices(&total)) {
                        return Ok(());
                    }
                    prop_assert_eq!(outbox.push(reply, options), Ok(()));
                    accepted[3] += 1;
                }
                Step::Write { bytes } => write(&mut outbox, bytes, &mut seen),
            }
            prop_assert!(outbox.messages() <= max_messages, "{} messages", outbox.messages());
            prop_assert!(outbox.bytes() <= max_bytes, "{} bytes", outbox.bytes());
            let queued = outbox.frames.iter();
            let notices = queued.filter(|queued| matches!(queued.kind, FrameKind::GapNotice(_)));
            let counted: Vec<_> = notices
                .map(|notice| FrameCharge::unshared(&notice.frame, &expected))
                .collect();
            prop_assert_eq!(total.used(), expected.used(), "{} notices", counted.len());
        }
        write(&mut outbox, usize::MAX, &mut seen);
        prop_assert_eq!(outbox.bytes(), 0);
        let mut next = [1u64; 4];
        for text in texts(&seen) {
            let number = |topic: &str| topic[1..].parse::<usize>().expect("a number");
            match text {
                Text::Gap { topic, missed, from, to } => {
                    let at = number(&topic);
                    prop_assert!(at < 3, "a reply was dropped");
                    prop_assert_eq!(from, next[at]);
                    prop_assert_eq!(missed, to + 1 - next[at]);
                    next[at] = to + 1;
                }
                Text::Message(topic, offset) => {
                    let at = number(&topic);
                    prop_assert_eq!(offset, next[at]);
                    next[at] += 1;
                }
            }
        }
        prop_assert_eq!(next.map(|next| next - 1), accepted);
    }
}
