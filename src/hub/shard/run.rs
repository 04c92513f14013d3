//! Runs: consecutive broadcasts to the same topic in a batch of entries.

use super::mailbox::Entry;
use super::members::Members;
use super::outbox::Publication;
use crate::wire::Frame;

/// The index at which the run at the end of a batch starts. The broadcasts of a run have the
/// same topic and the same excluded member, if any, and none carries an acknowledgement.
pub(super) fn trailing_run(batch: &[Entry]) -> usize {
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

/// One broadcast of a run, in the form that some of the members receive.
#[derive(Clone, Copy)]
pub(super) struct Delivery<'a> {
    pub(super) frame: &'a Frame,
    /// For a publication, what the topic's overflow policy needs to know.
    pub(super) publication: Option<Publication<'a>>,
}

/// What a member that receives no offsets gets.
pub(super) fn plain_delivery<'a>(entry: &'a Entry, members: &'a Members) -> Option<Delivery<'a>> {
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

/// What a member that receives offsets gets: a publication with its offset, or a notice
/// without one.
pub(super) fn sequenced_delivery<'a>(
    entry: &'a Entry,
    members: &'a Members,
) -> Option<Delivery<'a>> {
    let Entry::Broadcast {
        sequenced: Some(sequenced),
        ..
    } = entry
    else {
        return plain_delivery(entry, members);
    };
    let (topic, offset) = (&members.topic, Some(sequenced.offset));
    Some(Delivery {
        frame: &sequenced.frame,
        publication: Some(Publication { topic, offset }),
    })
}

/// The publication's offset, if it has one.
pub(super) fn offset(entry: &Entry) -> Option<u64> {
    match entry {
        Entry::Broadcast { sequenced, .. } => sequenced.as_ref().map(|sequenced| sequenced.offset),
        _ => None,
    }
}
