//! Operations on rooms.

use serde_json::json;
use wavecast::ServerMessage;
use wavecast::protocol::{ErrorCode, Json};

use super::member::Source;
use super::operation::Length;
use super::world::{MAX_MEMBERS, World, room};

impl World {
    pub(super) async fn join(&mut self, who: usize, index: usize) {
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
        }
        let ack = json!({"type": "joined", "room": name, "members": joined.unwrap()});
        let member = &mut self.members[who];
        if member.rooms.insert(index) {
            member.expect_boundary(Source::Room(index), ack, false);
        } else {
            member.expect(Source::Room(index), ack);
        }
    }

    pub(super) async fn leave(&mut self, who: usize, index: usize) {
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
        self.members[who].expect_boundary(Source::Room(index), ack, false);
        self.forget_member(who, index);
    }

    /// The other members of a room receive the notice that a member has left.
    pub(super) fn forget_member(&mut self, who: usize, index: usize) {
        self.members[who].rooms.remove(&index);
        let user = self.members[who].name();
        for other in self.in_room(index) {
            let name = room(index);
            let notice = json!({"type": "user_left", "room": name.as_str(), "user_id": user});
            self.members[other].expect(Source::Room(index), notice);
        }
    }

    pub(super) async fn say(&mut self, who: usize, index: usize, length: Length, reply: bool) {
        let Some(who) = self.living(who) else { return };
        let content = self.content(length);
        let encoded = Json::encode(&content).unwrap();
        let name = room(index);
        let id = reply.then(|| Json::encode(&content.len()).unwrap());
        let said = self
            .node
            .say(&self.members[who].client, &name, &encoded, id.as_ref());
        let said = said.await.map_err(|refusal| refusal.code);
        if !self.members[who].rooms.contains(&index) {
            assert_eq!(said, Err(ErrorCode::NotInRoom));
            return;
        }
        assert_eq!(said, Ok(()));
        if reply {
            let sent = json!({"type": "sent", "room": room(index).as_str(), "id": content.len()});
            self.members[who].expect(Source::Room(index), sent);
        }
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

    pub(super) async fn broadcast(&mut self, index: usize, exclude: Option<usize>) {
        let exclude = exclude.and_then(|who| self.living(who));
        let content = self.content(Length::Short);
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
}
