//! The topics that a client is in, in few bytes.

use std::ops::Deref;
use std::sync::Arc;

use super::topic::Topic;

/// A list of topics, in no particular order. Most clients are in few, so one topic needs no
/// allocation.
#[derive(Debug, Default)]
pub(super) enum TopicList {
    #[default]
    Empty,
    One(Arc<Topic>),
    Several(Box<Several>),
}

/// Two topics or more. Boxed, because a vector is larger than all the rest of a list.
#[derive(Debug)]
pub(super) struct Several(Vec<Arc<Topic>>);

impl TopicList {
    pub(super) fn push(&mut self, topic: Arc<Topic>) {
        *self = match std::mem::take(self) {
            Self::Empty => Self::One(topic),
            Self::One(first) => Self::Several(Box::new(Several(vec![first, topic]))),
            Self::Several(mut several) => {
                several.0.push(topic);
                Self::Several(several)
            }
        };
    }

    /// Removes the topic at `index`; the last one takes its place.
    pub(super) fn swap_remove(&mut self, index: usize) {
        *self = match std::mem::take(self) {
            Self::Several(mut several) => {
                several.0.swap_remove(index);
                match several.0.as_slice() {
                    [last] => Self::One(last.clone()),
                    _ => Self::Several(several),
                }
            }
            Self::Empty | Self::One(_) => Self::Empty,
        };
    }
}

impl Deref for TopicList {
    type Target = [Arc<Topic>];

    fn deref(&self) -> &[Arc<Topic>] {
        match self {
            Self::Empty => &[],
            Self::One(topic) => std::slice::from_ref(topic),
            Self::Several(several) => &several.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::log::LazyLog;
    use crate::hub::topic::{Overflow, People, TopicId};
    use crate::protocol::TopicKind;

    #[test]
    fn it_holds_what_a_vector_would() {
        assert_eq!(size_of::<TopicList>(), 16);
        let topic = |id| {
            let name = format!("t{id}").into();
            Arc::new(Topic::new(
                (TopicId(id), TopicKind::Channel, name),
                1,
                Overflow::Evict,
                LazyLog::None,
                People::Unknown,
            ))
        };
        let ids = |list: &[Arc<Topic>]| list.iter().map(|topic| topic.id()).collect::<Vec<_>>();
        let (mut list, mut expected) = (TopicList::default(), Vec::new());
        // Upwards to each length, and down again from both ends.
        for length in 0..5 {
            for remove_first in [false, true] {
                for id in 0..length {
                    list.push(topic(id));
                    expected.push(topic(id));
                    assert_eq!(ids(&list), ids(&expected));
                }
                while !expected.is_empty() {
                    let index = if remove_first { 0 } else { expected.len() - 1 };
                    list.swap_remove(index);
                    expected.swap_remove(index);
                    assert_eq!(ids(&list), ids(&expected));
                }
            }
        }
    }
}
