//! The channels of the null server, and where its faults show.

use super::wire::server_frame;
use super::{Behaviour, Fault};
use crate::scan;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::Notify;
use tokio::time::sleep;

pub(super) struct Client {
    pub(super) outbox: RefCell<VecDeque<Rc<[u8]>>>,
    pub(super) wake: Notify,
    /// What waits is written, then the connection ends.
    pub(super) closed: Cell<bool>,
    /// It is evicted: the connection ends at once.
    pub(super) cut: Notify,
    most: usize,
}

impl Client {
    pub(super) fn new(behaviour: &Behaviour) -> Rc<Self> {
        Rc::new(Self {
            outbox: RefCell::default(),
            wake: Notify::new(),
            closed: Cell::new(false),
            cut: Notify::new(),
            most: if behaviour.fault == Fault::NeverEvict {
                usize::MAX
            } else {
                behaviour.outbox
            },
        })
    }

    pub(super) fn push(&self, frame: Rc<[u8]>) {
        let mut outbox = self.outbox.borrow_mut();
        outbox.push_back(frame);
        if outbox.len() > self.most {
            self.cut.notify_one();
        }
        self.wake.notify_one();
    }
}

type Held = (Rc<Client>, Rc<[u8]>);

pub(super) struct Hub {
    pub(super) behaviour: Behaviour,
    pub(super) pongs: Arc<AtomicU64>,
    pub(super) channels: RefCell<HashMap<Vec<u8>, Vec<Rc<Client>>>>,
    publications: Cell<u64>,
    deliveries: Cell<u64>,
    /// The event that changes places with the next one of its client.
    held: RefCell<Option<Held>>,
}

/// The publication and the delivery at which a fault shows: late enough that the run is under way.
const FAULTY_PUBLICATION: u64 = 20;
const FAULTY_DELIVERY: u64 = 100;

impl Hub {
    pub(super) fn new(behaviour: Behaviour, pongs: Arc<AtomicU64>) -> Rc<Self> {
        Rc::new(Self {
            behaviour,
            pongs,
            channels: RefCell::default(),
            publications: Cell::new(0),
            deliveries: Cell::new(0),
            held: RefCell::new(None),
        })
    }

    pub(super) async fn publish(&self, body: &[u8]) -> (&'static str, String) {
        let n = self.publications.get() + 1;
        self.publications.set(n);
        let faulty = n == FAULTY_PUBLICATION;
        match self.behaviour.fault {
            Fault::RefusePublication if faulty => {
                return ("503 Service Unavailable", String::new());
            }
            Fault::Stall(time) if faulty => sleep(time).await,
            _ => {}
        }
        let (mut channel, mut data): (&[u8], &[u8]) = (b"", b"{}");
        scan::members(body, |key, value| match key {
            b"channel" => channel = scan::unquoted(value),
            b"data" => data = value,
            _ => {}
        });
        let mut event = br#"{"type":"event","channel":""#.to_vec();
        event.extend_from_slice(channel);
        event.extend_from_slice(br#"","data":{"id":"evt_"#);
        event.extend_from_slice(n.to_string().as_bytes());
        event.extend_from_slice(br#"","timestamp":"2024-01-15T10:30:00Z","#);
        event.extend_from_slice(&data[1..]);
        event.push(b'}');
        let frame = server_frame(0x1, &event);
        let channels = self.channels.borrow();
        let members = channels.get(channel).map_or(&[][..], Vec::as_slice);
        for client in members {
            self.deliver(client, &frame);
        }
        if faulty {
            match self.behaviour.fault {
                Fault::ForeignChannel => {
                    let other = channels.iter().find(|(name, _)| name.as_slice() != channel);
                    if let Some(client) = other.and_then(|(_, members)| members.first()) {
                        client.push(frame);
                    }
                }
                Fault::CloseOne => {
                    if let Some(client) = members.first() {
                        client.push(server_frame(0x8, b"\x03\xf5slow consumer"));
                        client.closed.set(true);
                    }
                }
                _ => {}
            }
        }
        let subscribers = match self.behaviour.fault {
            Fault::MiscountSubscribers(more) if faulty => members.len().saturating_add_signed(more),
            _ => members.len(),
        };
        (
            "200 OK",
            format!(r#"{{"id":"evt_{n}","subscribers":{subscribers}}}"#),
        )
    }

    fn deliver(&self, client: &Rc<Client>, frame: &Rc<[u8]>) {
        let n = self.deliveries.get() + 1;
        self.deliveries.set(n);
        let faulty = n == FAULTY_DELIVERY;
        match self.behaviour.fault {
            Fault::DropEvery100th if n.is_multiple_of(100) => return,
            Fault::DuplicateOne if faulty => client.push(Rc::clone(frame)),
            Fault::SwapTwo if faulty => {
                *self.held.borrow_mut() = Some((Rc::clone(client), Rc::clone(frame)));
                return;
            }
            _ => {}
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
}

impl Hub {
    pub(super) fn command(&self, client: &Rc<Client>, text: &[u8]) {
        let (mut kind, mut channel): (&[u8], &[u8]) = (b"", b"");
        scan::members(text, |key, value| match key {
            b"type" => kind = scan::unquoted(value),
            b"channel" => channel = scan::unquoted(value),
            _ => {}
        });
        let mut channels = self.channels.borrow_mut();
        let members = channels.entry(channel.to_vec()).or_default();
        let done: &[u8] = if kind == b"unsubscribe" {
            members.retain(|member| !Rc::ptr_eq(member, client));
            br#"{"type":"unsubscribed","channel":""#
        } else {
            client.push(server_frame(
                0x1,
                br#"{"type":"event","channel":"$system","data":{"id":"evt_0","message":"hello"}}"#,
            ));
            members.push(Rc::clone(client));
            br#"{"type":"subscribed","channel":""#
        };
        client.push(server_frame(0x1, &[done, channel, br#""}"#].concat()));
    }
}
