//! Compares the hub with the model.

use std::collections::BTreeMap;

use tokio::task::yield_now;
use wavecast::hub::{Overflow, Phase};
use wavecast::protocol::TopicKind;

use super::matching;
use super::member::{Source, by_source};
use super::operation::{CHANNELS, Kind, ROOMS};
use super::world::{World, channel, overflow_of_channel, overflow_of_room, room};

/// The bytes that a pipe holds in addition to the outbox.
const PIPE_BYTES: usize = 16 * 1024;
const SLOW_CONSUMER: u16 = 1013;
/// Far more rounds than the hub needs to come to rest.
const MAX_ROUNDS: usize = 10_000;

impl World {
    /// Waits until nothing happens any more: every healthy client has read everything, and
    /// every evicted client has left its rooms.
    pub(super) async fn settle(&mut self) {
        let (mut quiet, mut rounds) = (0, 0);
        while quiet < 3 {
            quiet += 1;
            rounds += 1;
            assert!(rounds < MAX_ROUNDS, "the hub does not come to rest");
            self.node.hub().probe().await.unwrap();
            for who in 0..self.members.len() {
                let member = &mut self.members[who];
                if member.kind == Kind::Healthy && member.received.take(&member.pipe).await {
                    quiet = 0;
                }
                if member.alive && member.client.phase() != Phase::Open {
                    if member.close.is_none() {
                        assert_eq!(
                            member.kind,
                            Kind::Stalled,
                            "a client that reads is not evicted"
                        );
                        let bound = PIPE_BYTES + 2000;
                        assert!(
                            member.expected_bytes > bound,
                            "evicted before its outbox was full"
                        );
                        member.close = Some(SLOW_CONSUMER);
                        self.evictions += 1;
                    }
                    self.end_memberships(who).await;
                    quiet = 0;
                }
            }
            yield_now().await;
        }
    }

    pub(super) fn check(&self) {
        let hub = self.node.hub();
        let living = self.members.iter().filter(|member| member.alive);
        let attached = living
            .clone()
            .filter(|member| member.kind != Kind::Detached);
        assert_eq!(hub.connections(), attached.count());
        assert_eq!(hub.clients().len(), living.count());
        assert_eq!(hub.metrics().slow_consumers_total.get(), self.evictions);
        for (kind, count) in [(TopicKind::Room, ROOMS), (TopicKind::Channel, CHANNELS)] {
            let mut found = BTreeMap::new();
            for topic in hub.topics(kind) {
                found.insert(topic.name().to_string(), topic.members());
            }
            let mut expected = BTreeMap::new();
            for index in 0..count {
                let (name, members) = match kind {
                    TopicKind::Room => (room(index).as_str().to_owned(), self.in_room(index)),
                    TopicKind::Channel => {
                        (channel(index).as_str().to_owned(), self.in_channel(index))
                    }
                };
                let is_remembered = kind == TopicKind::Channel
                    && self.streams[index].keeps_history
                    && self.streams[index].newest() > 0;
                if !members.is_empty() || is_remembered {
                    expected.insert(name, members.len());
                }
            }
            assert_eq!(
                found, expected,
                "no topic without a use remains, and every count is right"
            );
        }
        for who in 0..self.members.len() {
            let member = &self.members[who];
            let topics = member.client.topics();
            assert_eq!(topics.len(), member.rooms.len() + member.channels.len());
            if member.kind == Kind::Healthy && member.alive {
                self.check_received(who, true);
            }
        }
        self.check_histories();
    }

    /// Everything that the client received is right; all of it has arrived if it `is_complete`.
    fn check_received(&self, who: usize, is_complete: bool) {
        let member = &self.members[who];
        let mut received = by_source(&member.received.texts);
        for (&source, expected) in &member.expected {
            let received = received.remove(&source).unwrap_or_default();
            let rest = matching::check(expected, &received, |to| self.may_miss(who, source, to));
            assert!(!is_complete || rest == 0, "{rest} messages are missing");
        }
        assert!(received.is_empty(), "unexpected: {received:?}");
        assert!(!is_complete || !member.received.is_incomplete);
    }

    /// Whether the client may miss the publications of a topic up to an offset: the history has
    /// dropped them, or the topic's policy drops what the client does not read.
    fn may_miss(&self, who: usize, source: Source, to: Option<u64>) -> bool {
        let is_stalled = self.members[who].kind == Kind::Stalled;
        match source {
            Source::Everybody => false,
            Source::Room(index) => is_stalled && overflow_of_room(index) != Overflow::Evict,
            Source::Channel(index) => {
                let overflow = overflow_of_channel(index);
                let is_dropped = to.is_some_and(|to| to <= self.dropped[index]);
                is_dropped
                    || overflow == Overflow::LatestOnly
                    || is_stalled && overflow == Overflow::DropOldest
            }
        }
    }

    /// The clients with a connection.
    pub(super) fn attached(&self) -> Vec<usize> {
        let members = self.members.iter().enumerate();
        members
            .filter(|(_, member)| member.alive && member.kind != Kind::Detached)
            .map(|(who, _)| who)
            .collect()
    }

    /// Disconnects every client; nothing remains.
    pub(super) async fn finish(mut self) {
        for who in 0..self.members.len() {
            // A stalled client reads at last, and every frame is complete.
            for round in 0.. {
                assert!(round < MAX_ROUNDS, "the messages never end");
                let member = &mut self.members[who];
                let any = member.received.take(&member.pipe).await;
                self.node.hub().probe().await.unwrap();
                yield_now().await;
                if !any {
                    break;
                }
            }
            if self.members[who].alive {
                self.end_memberships(who).await;
            }
            self.settle().await;
        }
        for who in 0..self.members.len() {
            self.release(who);
        }
        self.node.hub().probe().await.unwrap();
        self.check();
        let hub = self.node.hub();
        assert_eq!((hub.links(), hub.clients().len()), (0, 0));
        for who in 0..self.members.len() {
            let member = &self.members[who];
            assert_eq!(member.client.phase(), Phase::Closed);
            if member.kind == Kind::Healthy || member.close == Some(SLOW_CONSUMER) {
                assert_eq!(member.received.close, member.close);
            }
            match member.kind {
                Kind::Detached => {}
                Kind::Healthy => self.check_received(who, true),
                Kind::Stalled => self.check_received(who, false),
            }
        }
    }
}
