//! An observer that records every call and checks that the calls come in the promised order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use uuid::Uuid;
use wavecast::{ClientRef, Observer, TopicName};

/// Records every call in words, tracks who is a member of what, and checks the order of calls.
#[derive(Debug, Default)]
pub struct Books(pub Mutex<Ledger>);

#[derive(Debug, Default)]
pub struct Ledger {
    pub told: Vec<String>,
    connected: BTreeSet<Uuid>,
    /// For each client that was ever connected, the number of times it was reported as
    /// disconnected.
    ends: BTreeMap<Uuid, u32>,
    pub evicted: BTreeSet<Uuid>,
    members: BTreeMap<String, BTreeSet<Uuid>>,
    pub occupied: BTreeSet<String>,
    pub wrong: Vec<String>,
}

impl Ledger {
    fn check(&mut self, holds: bool, what: &str) {
        if !holds {
            self.wrong.push(what.to_owned());
        }
    }

    fn enter(&mut self, client: ClientRef<'_>, verb: &str, topic: String) {
        let id = client.id();
        self.told.push(format!("{verb} {topic}"));
        self.check(self.connected.contains(&id), "entered before connected");
        self.check(self.occupied.contains(&topic), "entered before occupied");
        let entered = self.members.entry(topic).or_default().insert(id);
        self.check(entered, "entered twice");
    }

    fn leave(&mut self, client: ClientRef<'_>, verb: &str, topic: &str) {
        let id = client.id();
        self.told.push(format!("{verb} {topic}"));
        let left = self.members.get_mut(topic).is_some_and(|it| it.remove(&id));
        self.check(left, "left without having entered");
        self.check(self.connected.contains(&id), "left after disconnected");
    }
}

fn words(topic: TopicName<'_>) -> String {
    match topic {
        TopicName::Room(name) => format!("room {name}"),
        TopicName::Channel(name) => format!("channel {name}"),
    }
}

impl Books {
    /// The calls that were recorded since the last `take`, without the names of clients.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().told)
    }

    pub fn assert_in_order(&self) {
        assert_eq!(self.0.lock().unwrap().wrong, Vec::<String>::new());
    }

    pub fn ends_of(&self, id: Uuid) -> u32 {
        self.0.lock().unwrap().ends.get(&id).copied().unwrap_or(0)
    }

    pub fn members_of(&self, topic: &str) -> BTreeSet<Uuid> {
        let ledger = self.0.lock().unwrap();
        ledger.members.get(topic).cloned().unwrap_or_default()
    }
}

impl Observer for Books {
    fn connected(&self, client: ClientRef<'_>) {
        let mut ledger = self.0.lock().unwrap();
        ledger.told.push("connected".to_owned());
        let first = ledger.connected.insert(client.id());
        ledger.check(first, "connected twice");
        let again = ledger.ends.contains_key(&client.id()) && client.is_attached();
        ledger.check(!again, "connected after its end");
    }

    fn disconnected(&self, client: ClientRef<'_>) {
        let mut ledger = self.0.lock().unwrap();
        ledger.told.push("disconnected".to_owned());
        let id = client.id();
        let known = ledger.connected.remove(&id);
        ledger.check(known, "disconnected without having connected");
        let inside = ledger.members.values().any(|members| members.contains(&id));
        ledger.check(!inside, "disconnected before it left");
        *ledger.ends.entry(id).or_default() += 1;
    }

    fn subscribed(&self, client: ClientRef<'_>, channel: &str) {
        let topic = format!("channel {channel}");
        self.0.lock().unwrap().enter(client, "subscribed", topic);
    }

    fn unsubscribed(&self, client: ClientRef<'_>, channel: &str) {
        let topic = format!("channel {channel}");
        self.0.lock().unwrap().leave(client, "unsubscribed", &topic);
    }

    fn joined(&self, client: ClientRef<'_>, room: &str) {
        let topic = format!("room {room}");
        self.0.lock().unwrap().enter(client, "joined", topic);
    }

    fn left(&self, client: ClientRef<'_>, room: &str) {
        let topic = format!("room {room}");
        self.0.lock().unwrap().leave(client, "left", &topic);
    }

    fn occupied(&self, topic: TopicName<'_>) {
        let (mut ledger, topic) = (self.0.lock().unwrap(), words(topic));
        ledger.told.push(format!("occupied {topic}"));
        let empty = ledger.members.get(&topic).is_none_or(BTreeSet::is_empty);
        ledger.check(empty, "occupied with members");
        let was_vacant = ledger.occupied.insert(topic);
        ledger.check(was_vacant, "occupied twice");
    }

    fn vacated(&self, topic: TopicName<'_>) {
        let (mut ledger, topic) = (self.0.lock().unwrap(), words(topic));
        ledger.told.push(format!("vacated {topic}"));
        let empty = ledger.members.get(&topic).is_none_or(BTreeSet::is_empty);
        ledger.check(empty, "vacated with members");
        let was_occupied = ledger.occupied.remove(&topic);
        ledger.check(was_occupied, "vacated without having been occupied");
    }

    fn evicted(&self, client: ClientRef<'_>) {
        let mut ledger = self.0.lock().unwrap();
        ledger.told.push("evicted".to_owned());
        let known = ledger.connected.contains(&client.id());
        ledger.check(known, "evicted after its end");
        let first = ledger.evicted.insert(client.id());
        ledger.check(first, "evicted twice");
    }
}
