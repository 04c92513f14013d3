//! The channels and rooms of the null server, and most of its faults.

use super::behaviour::Behaviour;
use super::client::Client;
use super::counter::Counter;
use super::fault::Fault;
use super::frames::{error_frame, gap_frame, server_frame};
use super::history::History;
use crate::wire::json;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::time::sleep;

type Held = (Rc<Client>, Rc<[u8]>);
/// By name; those of rooms start with `room:`.
type Topics = HashMap<Vec<u8>, Vec<Rc<Client>>>;

pub(super) struct Hub {
    pub(super) behaviour: Behaviour,
    pub(super) pongs: Arc<AtomicU64>,
    pub(super) topics: RefCell<Topics>,
    pub(super) upgrades: Counter,
    pub(super) connections: Counter,
    pub(super) evictions: Counter,
    history: RefCell<History>,
    publications: Counter,
    deliveries: Counter,
    leaves: Counter,
    joins: Counter,
    /// The event that is held back until after the next one to its client.
    held: RefCell<Option<Held>>,
    /// The client whose events are delayed.
    delayed: RefCell<Option<Rc<Client>>>,
}

/// The publication, the deliveries and the join that faults affect: late enough that the run is under way.
const FAULTY_PUBLICATION: u64 = 20;
const REPEATED_DELIVERY: u64 = 100;
const SWAPPED_DELIVERY: u64 = 120;
const FAULTY_JOIN: u64 = 30;

impl Hub {
    pub(super) fn new(behaviour: Behaviour, pongs: Arc<AtomicU64>) -> Rc<Self> {
        Rc::new(Self {
            behaviour,
            pongs,
            topics: RefCell::default(),
            upgrades: Counter::default(),
            connections: Counter::default(),
            evictions: Counter::default(),
            history: RefCell::default(),
            publications: Counter::default(),
            deliveries: Counter::default(),
            leaves: Counter::default(),
            joins: Counter::default(),
            held: RefCell::default(),
            delayed: RefCell::default(),
        })
    }

    pub(super) fn stats(&self) -> String {
        let heartbeat = if self.behaviour.tells_heartbeat {
            format!(
                r#","ping_interval_ms":{},"pong_timeout_ms":{}"#,
                self.behaviour.ping_interval.as_millis(),
                self.behaviour.pong_timeout.as_millis()
            )
        } else {
            String::new()
        };
        format!(
            r#"{{"active_connections":{},"slow_consumers_total":{}{heartbeat}}}"#,
            self.connections.get(),
            self.evictions.get()
        )
    }

    pub(super) async fn publish(self: &Rc<Self>, body: &[u8]) -> (&'static str, String) {
        let n = self.publications.next();
        let faulty = n == FAULTY_PUBLICATION;
        let rejected = ("503 Service Unavailable", String::new());
        for fault in self.behaviour.faults().filter(|_| faulty) {
            match fault {
                Fault::RejectPublication => return rejected,
                Fault::Stall(time) => sleep(time).await,
                _ => {}
            }
        }
        let (mut channel, mut data): (&[u8], &[u8]) = (b"", b"{}");
        json::members(body, |key, value| match key {
            b"channel" => channel = json::unquoted(value),
            b"data" => data = value,
            _ => {}
        });
        let mut event = br#"{"type":"event","channel":""#.to_vec();
        event.extend_from_slice(channel);
        event.extend_from_slice(br#"","data":{"id":"evt_"#);
        event.extend_from_slice(n.to_string().as_bytes());
        event.extend_from_slice(br#"","timestamp":"2024-01-15T10:30:00Z","#);
        event.extend_from_slice(&data[1..]);
        let mut offset = None;
        if self.behaviour.history > 0 {
            let next = self.history.borrow().next(channel);
            event.extend_from_slice(format!(r#","offset":{next}"#).as_bytes());
            offset = Some(next);
        }
        event.push(b'}');
        let frame = server_frame(0x1, &event);
        if offset.is_some() {
            let mut history = self.history.borrow_mut();
            history.keep(channel, Rc::clone(&frame), self.behaviour.history);
        }
        let topics = self.topics.borrow();
        let members = topics.get(channel).map_or(&[][..], Vec::as_slice);
        for client in members {
            self.deliver(client, &frame, channel, offset);
        }
        for fault in self.behaviour.faults().filter(|_| faulty) {
            self.misbehave(fault, &topics, channel, &frame);
            if fault == Fault::RejectButDeliver {
                return rejected;
            }
        }
        let miscounts = self.behaviour.faults().filter_map(|fault| match fault {
            Fault::MiscountSubscribers(more) if faulty => Some(more),
            _ => None,
        });
        let subscribers = members.len().saturating_add_signed(miscounts.sum());
        (
            "200 OK",
            format!(r#"{{"id":"evt_{n}","subscribers":{subscribers}}}"#),
        )
    }

    /// Applies a fault that follows one publication.
    fn misbehave(&self, fault: Fault, topics: &Topics, channel: &[u8], frame: &Rc<[u8]>) {
        let Some(client) = topics.get(channel).and_then(|members| members.first()) else {
            return;
        };
        match fault {
            Fault::GapWithoutLoss => client.push(gap_frame(channel, None)),
            Fault::ForeignChannel => {
                let other = topics.iter().find(|(name, _)| name.as_slice() != channel);
                if let Some(client) = other.and_then(|(_, members)| members.first()) {
                    client.push(Rc::clone(frame));
                }
            }
            Fault::CloseOne => client.close(1013, "slow consumer"),
            Fault::MalformedOne => client.push(server_frame(0x1, br#"{"type":"event","chan"#)),
            Fault::ErrorOne => client.push(error_frame("internal")),
            Fault::DelayOne(_) => *self.delayed.borrow_mut() = Some(Rc::clone(client)),
            _ => {}
        }
    }

    fn deliver(&self, client: &Rc<Client>, frame: &Rc<[u8]>, name: &[u8], offset: Option<u64>) {
        let n = self.deliveries.next();
        for fault in self.behaviour.faults() {
            match fault {
                Fault::DropEvery(every) if n.is_multiple_of(every) => return,
                Fault::DeclareEvery(every) if n.is_multiple_of(every) => {
                    return client.push(gap_frame(name, offset));
                }
                Fault::DuplicateOne if n == REPEATED_DELIVERY => client.push(Rc::clone(frame)),
                Fault::SwapTwo if n == SWAPPED_DELIVERY => {
                    *self.held.borrow_mut() = Some((Rc::clone(client), Rc::clone(frame)));
                    return;
                }
                Fault::DelayOne(time) if self.is_delayed(client) => {
                    let (client, frame) = (Rc::clone(client), Rc::clone(frame));
                    tokio::task::spawn_local(async move {
                        sleep(time).await;
                        client.push(frame);
                    });
                    return;
                }
                _ => {}
            }
        }
        client.push(Rc::clone(frame));
        let held = self
            .held
            .borrow_mut()
            .take_if(|(held, _)| Rc::ptr_eq(held, client));
        if let Some((_, frame)) = held {
            client.push(frame);
        }
    }

    fn is_delayed(&self, client: &Rc<Client>) -> bool {
        let delayed = self.delayed.borrow();
        delayed.as_ref().is_some_and(|own| Rc::ptr_eq(own, client))
    }

    /// Executes a command of a client.
    pub(super) fn command(self: &Rc<Self>, client: &Rc<Client>, text: &[u8]) {
        let (mut kind, mut name, mut content): (&[u8], &[u8], &[u8]) = (b"", b"", b"null");
        let (mut positions, mut since) = (false, None);
        json::members(text, |key, value| match key {
            b"type" => kind = json::unquoted(value),
            b"channel" | b"room" => name = json::unquoted(value),
            b"content" => content = value,
            b"positions" => positions = value == b"true",
            b"since" => since = Some(value),
            _ => {}
        });
        let mut topics = self.topics.borrow_mut();
        let mut members = |prefix: &[u8]| {
            let key = [prefix, name].concat();
            std::mem::take(topics.entry(key).or_default())
        };
        let text_frame = |text: &[&[u8]]| server_frame(0x1, &text.concat());
        let (prefix, members): (&[u8], _) = match kind {
            b"subscribe" => {
                let mut members = members(b"");
                client.push(text_frame(&[
                    br#"{"type":"event","channel":"$system","data":{"id":"evt_0","message":"hello"}}"#,
                ]));
                members.push(Rc::clone(client));
                let (place, replay) =
                    if self.behaviour.history > 0 && (positions || since.is_some()) {
                        self.history.borrow().replay(name, since, &self.behaviour)
                    } else {
                        Default::default()
                    };
                let head = br#"{"type":"subscribed","channel":""#;
                client.push(text_frame(&[head, name, b"\"", place.as_bytes(), b"}"]));
                for frame in replay {
                    client.push(frame);
                }
                (b"", members)
            }
            b"join" => {
                let mut members = members(b"room:");
                let notice = text_frame(&[
                    br#"{"type":"user_joined","room":""#,
                    name,
                    br#"","user_id":"somebody"}"#,
                ]);
                let skip_one = self.behaviour.fault == Fault::SkipJoinNotice
                    && self.joins.next() == FAULTY_JOIN;
                for member in members.iter().skip(usize::from(skip_one)) {
                    member.push(Rc::clone(&notice));
                }
                members.push(Rc::clone(client));
                client.push(text_frame(&[
                    br#"{"type":"joined","room":""#,
                    name,
                    br#""}"#,
                ]));
                (b"room:", members)
            }
            b"unsubscribe" | b"leave" => {
                let (prefix, done): (&[u8], &[u8]) = if kind == b"leave" {
                    (b"room:", br#"{"type":"left","room":""#)
                } else {
                    (b"", br#"{"type":"unsubscribed","channel":""#)
                };
                let mut members = members(prefix);
                members.retain(|member| !Rc::ptr_eq(member, client));
                let left = self.leaves.next();
                if !matches!(self.behaviour.fault, Fault::IgnoreLeavesAfter(max) if left > max) {
                    client.push(text_frame(&[done, name, br#""}"#]));
                }
                (prefix, members)
            }
            b"message" => {
                let members = members(b"room:");
                let frame = text_frame(&[
                    br#"{"type":"message","room":""#,
                    name,
                    br#"","from":"somebody","content":"#,
                    content,
                    b"}",
                ]);
                let echo = self.behaviour.fault == Fault::EchoToSender
                    && self.publications.next() == FAULTY_PUBLICATION;
                for member in &members {
                    if echo || !Rc::ptr_eq(member, client) {
                        self.deliver(member, &frame, name, None);
                    }
                }
                (b"room:", members)
            }
            _ => return client.push(error_frame("invalid_command")),
        };
        topics.insert([prefix, name].concat(), members);
    }

    /// Removes a client from all channels and rooms.
    pub(super) fn forget(&self, client: &Rc<Client>) {
        for members in self.topics.borrow_mut().values_mut() {
            members.retain(|member| !Rc::ptr_eq(member, client));
        }
    }
}
