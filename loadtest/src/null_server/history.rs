//! The history of each channel, replays, and the faults in them.

use super::behaviour::Behaviour;
use super::counter::Counter;
use super::fault::Fault;
use crate::wire::json;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

const EPOCH: &str = "null";
/// The replay that a fault affects, counting those with at least [`MIN_REPLAY`] publications.
const FAULTY_REPLAY: u64 = 3;
const MIN_REPLAY: usize = 2;

#[derive(Default)]
pub(super) struct History {
    channels: HashMap<Vec<u8>, Channel>,
    replays: Counter,
}

#[derive(Default)]
struct Channel {
    newest: u64,
    /// The latest frames. The last one has the offset `newest`.
    frames: VecDeque<Rc<[u8]>>,
}

/// The answer to a subscription: the end of the reply, and the frames after it.
pub(super) type Replay = (String, Vec<Rc<[u8]>>);

impl History {
    /// The offset of the next publication.
    pub(super) fn next(&self, channel: &[u8]) -> u64 {
        self.channels.get(channel).map_or(0, |own| own.newest) + 1
    }

    /// Keeps a publication, which gets the next offset, and at most `max` of them.
    pub(super) fn keep(&mut self, channel: &[u8], frame: Rc<[u8]>, max: usize) {
        let own = self.channels.entry(channel.to_vec()).or_default();
        own.newest += 1;
        own.frames.push_back(frame);
        if own.frames.len() > max {
            own.frames.pop_front();
        }
    }

    /// Answers a subscription that asks for its position, or to be resumed `since` one.
    pub(super) fn replay(
        &self,
        channel: &[u8],
        since: Option<&[u8]>,
        behaviour: &Behaviour,
    ) -> Replay {
        let own = self.channels.get(channel);
        let newest = own.map_or(0, |own| own.newest);
        let place = |offset: u64| format!(r#","offset":{offset},"epoch":"{EPOCH}""#);
        let Some(since) = since else {
            return (place(newest), Vec::new());
        };
        let (mut offset, mut epoch) = (None, &b""[..]);
        json::members(since, |key, value| match key {
            b"offset" => offset = json::integer(value),
            b"epoch" => epoch = json::unquoted(value),
            _ => {}
        });
        let missed = offset.and_then(|offset| newest.checked_sub(offset));
        let missed = missed.filter(|_| epoch == EPOCH.as_bytes());
        let kept = own.map_or(0, |own| own.frames.len()) as u64;
        let Some(missed) =
            missed.filter(|missed| *missed <= kept || behaviour.fault == Fault::ClaimRecovered)
        else {
            let refusal = r#","recovered":false,"reason":"history_trimmed","replayed":0"#;
            return (place(newest) + refusal, Vec::new());
        };
        let newest_missed = own.into_iter().flat_map(|own| {
            let skipped = own.frames.len().saturating_sub(missed as usize);
            own.frames.iter().skip(skipped).map(Rc::clone)
        });
        let mut frames: Vec<_> = newest_missed.collect();
        let mut said = newest;
        if frames.len() >= MIN_REPLAY && self.replays.next() == FAULTY_REPLAY {
            match behaviour.fault {
                Fault::SkipReplayed => drop(frames.remove(0)),
                Fault::RepeatReplayed => frames.insert(1, Rc::clone(&frames[0])),
                Fault::WrongReplayOffset => said += 1,
                _ => {}
            }
        }
        let reply = format!(r#"{},"recovered":true,"replayed":{missed}"#, place(said));
        (reply, frames)
    }
}
