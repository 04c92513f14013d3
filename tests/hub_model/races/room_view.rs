//! A room as one client saw it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::frames::Received;

/// What one client received from one room, checked message by message.
#[derive(Default)]
pub(super) struct RoomView {
    is_member: bool,
    pub(super) others: BTreeSet<String>,
    /// Users that left without having been seen to join: they were members before.
    pub(super) earlier_members_that_left: BTreeSet<String>,
    /// Sender and content of each message, for each stay in the room.
    pub(super) messages: Vec<Vec<(String, String)>>,
}

impl RoomView {
    fn see(&mut self, text: &Value) {
        let user = text["user_id"].as_str().unwrap_or_default().to_owned();
        match text["type"].as_str().unwrap() {
            "joined" => {
                if !self.is_member {
                    self.is_member = true;
                    self.others.clear();
                    self.earlier_members_that_left.clear();
                    self.messages.push(Vec::new());
                }
            }
            "left" => {
                assert!(self.is_member, "left twice: {text}");
                self.is_member = false;
            }
            "user_joined" => {
                assert!(self.is_member, "not a member: {text}");
                assert!(self.others.insert(user), "joined twice: {text}");
            }
            "user_left" => {
                assert!(self.is_member, "not a member: {text}");
                let seen = self.others.remove(&user);
                let known = seen || self.earlier_members_that_left.insert(user);
                assert!(known, "left twice: {text}");
            }
            "message" => {
                assert!(self.is_member, "not a member: {text}");
                let said = (text["from"].to_string(), text["content"].to_string());
                self.messages.last_mut().unwrap().push(said);
            }
            other => panic!("{other}"),
        }
    }
}

/// The rooms by name.
pub(super) fn rooms_of(received: &Received) -> BTreeMap<String, RoomView> {
    let mut rooms: BTreeMap<String, RoomView> = BTreeMap::new();
    for text in &received.texts {
        if let Some(name) = text["room"].as_str() {
            rooms.entry(name.to_owned()).or_default().see(text);
        }
    }
    rooms
}
