//! Operations on channels.

use std::collections::BTreeMap;

use serde_json::json;
use wavecast::dialect::native::text_data;
use wavecast::protocol::{
    ChannelName, ErrorCode, HistoryRequest, Position, PublishRequest, ResumeRequest, Target,
    TopicKind,
};

use super::member::{Source, Subscription};
use super::operation::{CHANNELS, Kind, Length};
use super::stream::{Resume, Stream};
use super::world::{World, channel};

impl World {
    pub(super) async fn subscribe(&mut self, who: usize, index: usize, resume: Resume) {
        let Some(who) = self.living(who) else { return };
        let may_cut = self.may_cut_replay(who, index);
        let is_again = self.members[who].channels.contains_key(&index);
        let goes_on = is_again && matches!(resume, Resume::Plain);
        if goes_on && may_cut {
            // The answer would come at any point of the replay.
            return;
        }
        self.learn_epochs();
        let name = channel(index);
        let stream = &self.streams[index];
        let since = stream.since(resume);
        let request = ResumeRequest {
            since: since.and_then(|(offset, epoch)| Position::new(offset, &epoch)),
            last: if let Resume::Last(last) = resume {
                Some(last)
            } else {
                None
            },
        };
        let request = (!matches!(resume, Resume::Plain)).then_some(request);
        let client = &self.members[who].client;
        let done = self
            .node
            .subscribe(client, &name, (None, request.as_ref()), None);
        done.await.unwrap();
        let (answer, replayed) = stream.answer(name.as_str(), resume);
        let (member, source) = (&mut self.members[who], Source::Channel(index));
        if goes_on {
            return member.expect(source, answer);
        }
        member.expect_boundary(source, answer, may_cut);
        for offset in stream.newest() + 1 - replayed..=stream.newest() {
            let at = Some((offset, stream.epoch.as_str()));
            member.expect_publication(source, stream.publication(offset), at);
        }
        let subscription = Subscription {
            with_positions: request.is_some() && stream.keeps_history,
            replay_began: (replayed > 0).then_some(self.steps),
        };
        member.channels.insert(index, subscription);
    }

    pub(super) async fn unsubscribe(&mut self, who: usize, index: usize) {
        let Some(who) = self.living(who) else { return };
        let name = channel(index);
        let client = &self.members[who].client;
        let done = self.node.unsubscribe(client, &name, None);
        let done = done.await.map_err(|refusal| refusal.code);
        let may_cut = self.may_cut_replay(who, index);
        if self.members[who].channels.remove(&index).is_some() {
            assert_eq!(done, Ok(()));
            let ack = json!({"type": "unsubscribed", "channel": name.as_str()});
            self.members[who].expect_boundary(Source::Channel(index), ack, may_cut);
        } else {
            assert_eq!(done, Err(ErrorCode::NotSubscribed));
        }
    }

    /// Whether the client may not have read all of its replay yet: one that reads has, once the
    /// hub came to rest.
    fn may_cut_replay(&self, who: usize, index: usize) -> bool {
        let member = &self.members[who];
        let subscription = member.channels.get(&index);
        subscription
            .and_then(|subscription| subscription.replay_began)
            .is_some_and(|step| step == self.steps || member.kind != Kind::Healthy)
    }

    /// Publishes to one channel, or to everybody.
    pub(super) async fn publish(&mut self, index: Option<usize>, length: Length) {
        self.learn_epochs();
        let content = self.content(length);
        let (target, name) = match index {
            Some(index) => (Target::Channels(vec![channel(index)]), channel(index)),
            None => (Target::Everyone, ChannelName::all()),
        };
        let request = PublishRequest {
            target,
            id: None,
            name: None,
            data: text_data(&content),
        };
        let published = self.node.publish(request).await.unwrap();
        let event = json!({"type": "event", "channel": name.as_str(), "data": {
            "id": published.id.as_str(), "timestamp": published.timestamp, "message": content,
        }});
        let receivers = match index {
            Some(index) => self.in_channel(index),
            None => self.attached(),
        };
        assert_eq!(published.subscribers, receivers.len());
        let Some(index) = index else {
            for who in receivers {
                self.members[who].expect(Source::Everybody, event.clone());
            }
            return;
        };
        let offset = self.streams[index].push(event.clone());
        let epoch = &self.streams[index].epoch;
        for who in receivers {
            let member = &mut self.members[who];
            let at = member.channels[&index].with_positions;
            let at = at.then_some((offset, epoch.as_str()));
            member.expect_publication(Source::Channel(index), &event, at);
        }
        self.dropped[index] = self.dropped[index].max(self.streams[index].dropped());
    }

    /// Everything expires, and the positions of channels without subscribers are forgotten.
    pub(super) fn expire(&mut self) {
        let members: BTreeMap<usize, Vec<usize>> = (0..CHANNELS)
            .map(|index| (index, self.in_channel(index)))
            .collect();
        for (index, stream) in self.streams.iter_mut().enumerate() {
            stream.expire();
            self.dropped[index] = self.dropped[index].max(stream.dropped());
            if stream.keeps_history && stream.newest() > 0 && members[&index].is_empty() {
                let forgotten = std::mem::replace(stream, Stream::new(true));
                let (_, epoch, _) = position(&self.node, index);
                assert_ne!(
                    epoch, forgotten.epoch,
                    "an old offset must not fit a new stream"
                );
            }
        }
        self.learn_epochs();
    }

    /// A channel that nobody has used gets the epoch that the hub gives to new ones.
    pub(super) fn learn_epochs(&mut self) {
        for index in 0..CHANNELS {
            let unused = self.streams[index].newest() == 0 && self.in_channel(index).is_empty();
            if !self.streams[index].keeps_history {
                "none".clone_into(&mut self.streams[index].epoch);
            } else if unused {
                self.streams[index].epoch = position(&self.node, index).1;
            }
        }
    }

    /// Every history has the position and the length that the model says.
    pub(super) fn check_histories(&self) {
        for (index, stream) in self.streams.iter().enumerate() {
            if stream.keeps_history && (stream.newest() > 0 || !self.in_channel(index).is_empty()) {
                let found = position(&self.node, index);
                let expected = (
                    stream.newest(),
                    stream.epoch.clone(),
                    stream.kept() as usize,
                );
                assert_eq!(found, expected, "the history of channel {index}");
            }
        }
    }
}

/// The newest offset of a channel's history, its epoch, and the number of publications kept.
fn position(node: &wavecast::node::Node, index: usize) -> (u64, String, usize) {
    let request = HistoryRequest::new(None, None, None).unwrap();
    let name = channel(index);
    let page = node
        .hub()
        .history(TopicKind::Channel, name.as_str(), request, usize::MAX);
    let page = page.expect("a channel with a history");
    let epoch = page.top.epoch.as_ref().to_owned();
    (page.top.offset, epoch, page.page.items.len())
}
