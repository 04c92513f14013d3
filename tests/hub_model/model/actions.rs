//! Carries out one operation in the hub and in the model, and compares the results.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;
use wavecast::ServerMessage;
use wavecast::dialect::native::text_data;
use wavecast::hub::{ClientInfo, Link, Pipe};
use wavecast::protocol::{ChannelName, CloseCode, ErrorCode, Json, PublishRequest, Target};

use super::member::{Member, Source};
use super::operation::{Kind, Operation};
use super::world::{MAX_MEMBERS, World, channel, room};

const CLOSED_BY_OPERATOR: u16 = 4000;

impl World {
    pub(super) async fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Connect(kind) => self.connect(kind).await,
            Operation::Join(who, room) => self.join(who, room).await,
            Operation::Leave(who, room) => self.leave(who, room).await,
            Operation::Say(who, room, long) => self.say(who, room, long).await,
            Operation::Broadcast(room, exclude) => self.broadcast(room, exclude).await,
            Operation::Subscribe(who, channel) => self.subscribe(who, channel).await,
            Operation::Unsubscribe(who, channel) => self.unsubscribe(who, channel).await,
            Operation::Publish(channel, long) => self.publish(Some(channel), long).await,
            Operation::PublishToAll => self.publish(None, false).await,
            Operation::Close(who) => self.close(who).await,
            Operation::Disconnect(who) => self.disconnect(who).await,
        }
    }

    pub(super) async fn connect(&mut self, kind: Kind) {
        let pipe = Arc::<Pipe>::default();
        let client = if kind == Kind::Detached {
            let made = self.node.client_or_detached(Uuid::now_v7());
            made.unwrap()
        } else {
            let link = Link::Pipe(pipe.clone());
            let made = self.node.connect(ClientInfo::default(), link).await;
            made.unwrap()
        };
        self.members.push(Member::new(kind, client, pipe));
    }

    async fn join(&mut self, who: usize, index: usize) {
        let Some(who) = self.living(who) else { return };
        let others = self.in_room(index);
        let name = room(index);
        let joined = self.node.join(&self.members[who].client, &name, None, None);
        let joined = joined.await.map_err(|refusal| refusal.code);
        let name = name.as_str();
        if others.contains(&who) {
            assert_eq!(joined, Ok(others.len()), "joining twice has no effect");
        } else if others.len() == MAX_MEMBERS {
            assert_eq!(joined, Err(ErrorCode::RoomFull));
            return;
        } else {
            assert_eq!(joined, Ok(others.len() + 1));
            let user = self.members[who].name();
            for other in others {
                let notice = json!({"type": "user_joined", "room": name, "user_id": user});
                self.members[other].expect(Source::Room(index), notice);
            }
            self.members[who].rooms.insert(index);
        }
        let ack = json!({"type": "joined", "room": name, "members": joined.unwrap()});
        self.members[who].expect(Source::Room(index), ack);
    }

    async fn leave(&mut self, who: usize, index: usize) {
        let Some(who) = self.living(who) else { return };
        let name = room(index);
        let left = self.node.leave(&self.members[who].client, &name, None);
        let left = left.await.map_err(|refusal| refusal.code);
        if !self.members[who].rooms.contains(&index) {
            assert_eq!(left, Err(ErrorCode::NotInRoom));
            return;
        }
        assert_eq!(left, Ok(()));
        let ack = json!({"type": "left", "room": room(index).as_str()});
        self.members[who].expect(Source::Room(index), ack);
        self.forget_member(who, index);
    }

    /// The other members of a room receive the notice that a member has left.
    fn forget_member(&mut self, who: usize, index: usize) {
        self.members[who].rooms.remove(&index);
        let user = self.members[who].name();
        for other in self.in_room(index) {
            let name = room(index);
            let notice = json!({"type": "user_left", "room": name.as_str(), "user_id": user});
            self.members[other].expect(Source::Room(index), notice);
        }
    }

    async fn say(&mut self, who: usize, index: usize, long: bool) {
        let Some(who) = self.living(who) else { return };
        let content = self.content(long);
        let encoded = Json::encode(&content).unwrap();
        let name = room(index);
        let said = self
            .node
            .say(&self.members[who].client, &name, &encoded, None);
        let said = said.await.map_err(|refusal| refusal.code);
        if !self.members[who].rooms.contains(&index) {
            assert_eq!(said, Err(ErrorCode::NotInRoom));
            return;
        }
        assert_eq!(said, Ok(()));
        let from = self.members[who].name();
        self.expect_message(index, &from, &content, Some(who));
    }

    fn expect_message(&mut self, index: usize, from: &str, content: &str, except: Option<usize>) {
        for other in self.in_room(index) {
            if Some(other) != except {
                let name = room(index);
                let message = json!({"type": "message", "room": name.as_str(), "from": from,
                    "content": content});
                self.members[other].expect(Source::Room(index), message);
            }
        }
    }

    async fn broadcast(&mut self, index: usize, exclude: Option<usize>) {
        let exclude = exclude.and_then(|who| self.living(who));
        let content = self.content(false);
        let encoded = Json::encode(&content).unwrap();
        let name = room(index);
        let message = ServerMessage::Message {
            room: name.as_str(),
            from: "the server",
            content: &encoded,
        };
        let except = exclude.map(|who| self.members[who].client.id());
        let sent = self.node.broadcast_to_room(&name, &message, except);
        let expected = self.in_room(index);
        let expected = expected.iter().filter(|who| Some(**who) != exclude).count();
        assert_eq!(sent.await.unwrap(), expected);
        self.expect_message(index, "the server", &content, exclude);
    }

    async fn subscribe(&mut self, who: usize, index: usize) {
        let Some(who) = self.living(who) else { return };
        let name = channel(index);
        let done = self
            .node
            .subscribe(&self.members[who].client, &name, None, None);
        done.await.unwrap();
        let ack = json!({"type": "subscribed", "channel": name.as_str()});
        self.members[who].expect(Source::Channel(index), ack);
        self.members[who].channels.insert(index);
    }

    async fn unsubscribe(&mut self, who: usize, index: usize) {
        let Some(who) = self.living(who) else { return };
        let name = channel(index);
        let done = self
            .node
            .unsubscribe(&self.members[who].client, &name, None);
        let done = done.await.map_err(|refusal| refusal.code);
        if self.members[who].channels.remove(&index) {
            assert_eq!(done, Ok(()));
            let ack = json!({"type": "unsubscribed", "channel": name.as_str()});
            self.members[who].expect(Source::Channel(index), ack);
        } else {
            assert_eq!(done, Err(ErrorCode::NotSubscribed));
        }
    }

    /// Publishes to one channel, or to everybody.
    async fn publish(&mut self, index: Option<usize>, long: bool) {
        let content = self.content(long);
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
        let receivers = match index {
            Some(index) => self.in_channel(index),
            None => (0..self.members.len())
                .filter(|&who| self.members[who].alive && self.members[who].kind != Kind::Detached)
                .collect(),
        };
        assert_eq!(published.subscribers, receivers.len());
        for who in receivers {
            let event = json!({"type": "event", "channel": name.as_str(), "data": {
                "id": published.id.as_str(), "timestamp": published.timestamp, "message": content,
            }});
            self.members[who].expect(index.map_or(Source::Everybody, Source::Channel), event);
        }
    }

    async fn close(&mut self, who: usize) {
        let Some(who) = self.living(who) else { return };
        if self.members[who].kind != Kind::Detached {
            let client = &self.members[who].client;
            let closed = self.node.close(client, CloseCode::ClosedByOperator, None);
            closed.await.unwrap();
            self.members[who].close = Some(CLOSED_BY_OPERATOR);
        }
    }

    async fn disconnect(&mut self, who: usize) {
        let Some(who) = self.living(who) else { return };
        // A message that it has not received by now will never arrive.
        let member = &mut self.members[who];
        member.received.take(&member.pipe).await;
        self.end_memberships(who).await;
        self.release(who);
    }

    /// Ends all memberships, as the task of a connection does.
    pub(super) async fn end_memberships(&mut self, who: usize) {
        self.node
            .disconnect(&self.members[who].client)
            .await
            .unwrap();
        self.members[who].alive = false;
        self.members[who].channels.clear();
        for index in self.members[who].rooms.clone() {
            self.forget_member(who, index);
        }
    }

    pub(super) fn release(&mut self, who: usize) {
        let member = &mut self.members[who];
        if !std::mem::replace(&mut member.released, true) {
            self.node.hub().release(&member.client, true).unwrap();
        }
    }
}
