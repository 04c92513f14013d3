//! Runs: broadcasts of one topic that wait one behind the other in a batch.

use super::mailbox::Entry;
use super::members::Members;
use super::outbox::Publication;
use crate::wire::Frame;

/// Where the run of broadcasts at the end of a batch starts: the same topic, nobody or
/// the same one left out.
pub(super) fn final_run(batch: &[Entry]) -> usize {
    let Some(Entry::Broadcast {
        topic: last_topic,
        exclude: last_exclude,
        ack: None,
        ..
    }) = batch.last()
    else {
        return batch.len();
    };
    let same = |entry: &Entry| match entry {
        Entry::Broadcast {
            topic,
            exclude,
            ack: None,
            ..
        } => {
            topic == last_topic
                && exclude.as_ref().map(|client| client.id())
                    == last_exclude.as_ref().map(|client| client.id())
        }
        _ => false,
    };
    batch.len() - batch.iter().rev().take_while(|entry| same(entry)).count()
}

/// One broadcast of a run as some of the members receive it.
#[derive(Clone, Copy)]
pub(super) struct Delivery<'a> {
    pub(super) frame: &'a Frame,
    /// For a publication, what the topic's policy needs when an outbox is full.
    pub(super) publication: Option<Publication<'a>>,
}

/// Without an offset.
pub(super) fn plain<'a>(entry: &'a Entry, members: &'a Members) -> Option<Delivery<'a>> {
    let Entry::Broadcast {
        frame,
        is_publication,
        ..
    } = entry
    else {
        return None;
    };
    let (topic, offset) = (&members.topic, None);
    Some(Delivery {
        frame,
        publication: is_publication.then_some(Publication { topic, offset }),
    })
}

/// What a member that has positions gets: a publication with its offset, or a plain notice.
pub(super) fn sequenced<'a>(entry: &'a Entry, members: &'a Members) -> Option<Delivery<'a>> {
    let Entry::Broadcast {
        sequenced: Some(sequenced),
        ..
    } = entry
    else {
        return plain(entry, members);
    };
    let (topic, offset) = (&members.topic, Some(sequenced.offset));
    Some(Delivery {
        frame: &sequenced.frame,
        publication: Some(Publication { topic, offset }),
    })
}

pub(super) fn offset(entry: &Entry) -> Option<u64> {
    match entry {
        Entry::Broadcast { sequenced, .. } => sequenced.as_ref().map(|sequenced| sequenced.offset),
        _ => None,
    }
}
