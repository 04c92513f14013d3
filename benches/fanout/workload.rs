//! What one round sends.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use wavecast::dialect::Source;
use wavecast::dialect::native::NativeText;
use wavecast::protocol::TopicKind;
use wavecast::wire::Frame;

/// A topic, with the indices of its members.
pub(crate) struct Topic {
    pub(crate) kind: TopicKind,
    pub(crate) name: Arc<str>,
    pub(crate) members: Vec<usize>,
    /// The message of each publication.
    pub(crate) message: Arc<dyn Source>,
    /// What a sender gets instead.
    pub(crate) ack: Frame,
}

impl Topic {
    /// Messages of two topics differ, but not in length.
    pub(crate) fn new(kind: TopicKind, name: &str, members: Vec<usize>, bytes: usize) -> Self {
        Self {
            kind,
            name: name.into(),
            members,
            message: NativeText::source(&format!("{name:x<bytes$}")),
            ack: NativeText::source(&format!("{name:a<bytes$}")).plain(),
        }
    }

    /// A publication by a member, or by a backend.
    pub(crate) fn publication(&self, sender: Option<usize>) -> Publication<'_> {
        Publication {
            topic: self,
            sender,
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Publication<'a> {
    pub(crate) topic: &'a Topic,
    pub(crate) sender: Option<usize>,
}

/// Publications that wait together, and the sends that a bare loop needs for the same.
pub(crate) struct Workload<'a> {
    pub(crate) publications: Vec<Publication<'a>>,
    /// What is sent to a socket, once for all sockets that get the same.
    shares: Vec<Vec<u8>>,
    /// For each socket that gets something, ascending: its index and that of its share.
    sends: Vec<(usize, usize)>,
    pub(crate) deliveries: usize,
    pub(crate) bytes: u64,
}

impl<'a> Workload<'a> {
    pub(crate) fn new(publications: Vec<Publication<'a>>) -> Self {
        let mut received = BTreeMap::<usize, Vec<(usize, bool)>>::new();
        for (index, publication) in publications.iter().enumerate() {
            for member in &publication.topic.members {
                let is_sender = publication.sender == Some(*member);
                received
                    .entry(*member)
                    .or_default()
                    .push((index, is_sender));
            }
        }
        let deliveries = received.values().map(Vec::len).sum();
        let (mut known, mut shares) = (HashMap::new(), Vec::new());
        let mut sends = Vec::with_capacity(received.len());
        for (socket, frames) in received {
            let share = *known.entry(frames).or_insert_with_key(|frames| {
                let mut bytes = Vec::new();
                for (index, is_sender) in frames {
                    let topic = publications[*index].topic;
                    if *is_sender {
                        topic.ack.copy_to(&mut bytes);
                    } else {
                        topic.message.plain().copy_to(&mut bytes);
                    }
                }
                shares.push(bytes);
                shares.len() - 1
            });
            sends.push((socket, share));
        }
        let bytes = sends.iter().map(|(_, share)| shares[*share].len() as u64);
        Self {
            bytes: bytes.sum(),
            publications,
            shares,
            sends,
            deliveries,
        }
    }

    /// One after another to one topic, by a backend.
    pub(crate) fn repeated(topic: &'a Topic, times: usize) -> Self {
        Self::new(vec![topic.publication(None); times])
    }

    /// The index of each socket that gets something, and all bytes that it gets.
    pub(crate) fn sends(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let sends = self.sends.iter();
        sends.map(|&(socket, share)| (socket, self.shares[share].as_slice()))
    }
}
