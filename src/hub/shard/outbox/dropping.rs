//! Making room: publications of topics that allow it are left out, and a notice says which.
//!
//! A notice stands where the first publication it speaks of stood, so order stays. While it
//! waits, it takes up what is left out later: one notice a topic. A frame that is under way
//! is never touched.

use std::sync::Arc;

use super::{Full, Mark, Outbox, OutboxOptions, Waiting};
use crate::dialect::Dialect;
use crate::hub::topic::{Overflow, Topic, TopicId};
use crate::protocol::Gap;
use crate::wire::Frame;

/// One topic's publication on its way to one client.
#[derive(Debug, Clone, Copy)]
pub(in crate::hub) struct Publication<'a> {
    pub(in crate::hub) topic: &'a Arc<Topic>,
    /// For a client that has positions.
    pub(in crate::hub) offset: Option<u64>,
}

impl Publication<'_> {
    fn gap(self) -> Gap {
        Gap::of_one(self.offset)
    }

    fn mark(self) -> Mark {
        match self.topic.overflow() {
            Overflow::Evict => Mark::Keep,
            Overflow::DropOldest | Overflow::LatestOnly => Mark::Publication {
                topic: self.topic.clone(),
                offset: self.offset,
            },
        }
    }
}

impl Outbox {
    /// Queues a publication as its topic's policy says. `blocked` is whether the socket
    /// takes nothing now: only then is something newer better than everything.
    pub(in crate::hub) fn push_publication(
        &mut self,
        frame: Frame,
        publication: Publication<'_>,
        options: OutboxOptions,
        blocked: bool,
    ) -> Result<(), Full> {
        let topic = publication.topic;
        match topic.overflow() {
            Overflow::Evict => {}
            Overflow::DropOldest => {
                while !self.has_room_for(&frame, options) {
                    if !self.drop_oldest(Some(topic), options.dialect) {
                        return self.leave_out(publication, options);
                    }
                }
            }
            Overflow::LatestOnly => {
                while blocked && self.drop_oldest(Some(topic), options.dialect) {}
            }
        }
        if !self.make_room(&frame, options) {
            return Err(Full);
        }
        self.bytes += frame.len();
        let mark = publication.mark();
        self.frames.push_back(Waiting { frame, mark });
        Ok(())
    }

    /// Leaves publications out until there is room for a frame that must not be. False when
    /// there is none to leave out any more.
    pub(in crate::hub) fn make_room(&mut self, frame: &Frame, options: OutboxOptions) -> bool {
        while !self.has_room_for(frame, options) {
            if !self.drop_oldest(None, options.dialect) {
                return false;
            }
        }
        true
    }

    /// From now on what waits of the topic stays as it is: the membership it came from ends.
    pub(in crate::hub) fn seal(&mut self, topic: TopicId) {
        for waiting in &mut self.frames {
            if waiting.mark.topic().is_some_and(|of| of.id() == topic) {
                waiting.mark = Mark::Keep;
            }
        }
    }

    /// Leaves out the oldest publication that waits, of this topic or of any. False when
    /// there is none.
    fn drop_oldest(&mut self, topic: Option<&Arc<Topic>>, dialect: &dyn Dialect) -> bool {
        let mut waiting = self.frames.iter().enumerate().skip(self.first_waiting());
        let oldest = waiting.find(|(_, waiting)| match &waiting.mark {
            Mark::Publication { topic: of, .. } => topic.is_none_or(|topic| of.id() == topic.id()),
            Mark::Keep | Mark::Notice(_) => false,
        });
        let Some((place, _)) = oldest else {
            return false;
        };
        let Some(Waiting { frame, mark }) = self.frames.remove(place) else {
            return false;
        };
        self.bytes -= frame.len();
        if let Mark::Publication { topic, offset } = mark {
            let topic = &topic;
            self.note(Publication { topic, offset }, place, dialect);
        }
        true
    }

    /// The new publication itself is what is left out.
    fn leave_out(
        &mut self,
        publication: Publication<'_>,
        options: OutboxOptions,
    ) -> Result<(), Full> {
        self.note(publication, self.frames.len(), options.dialect);
        let fits = self.frames.len() <= options.max_messages && self.bytes <= options.max_bytes;
        fits.then_some(()).ok_or(Full)
    }

    /// Takes a publication up into its topic's notice; a new one stands at `place`.
    fn note(&mut self, publication: Publication<'_>, place: usize, dialect: &dyn Dialect) {
        let topic = publication.topic;
        let first = self.first_waiting();
        let mut waiting = self.frames.iter_mut().skip(first);
        let notice = waiting.find_map(|waiting| match &mut waiting.mark {
            Mark::Notice(notice) if notice.0.id() == topic.id() => {
                Some((&mut waiting.frame, &mut notice.1))
            }
            _ => None,
        });
        if let Some((frame, gap)) = notice {
            *gap = gap.and(publication.gap());
            self.bytes -= frame.len();
            *frame = dialect.gap(topic.full_name(), *gap);
            self.bytes += frame.len();
            return;
        }
        let gap = publication.gap();
        let frame = dialect.gap(topic.full_name(), gap);
        self.bytes += frame.len();
        let mark = Mark::Notice(Box::new((topic.clone(), gap)));
        self.frames.insert(place, Waiting { frame, mark });
    }
}

impl Mark {
    fn topic(&self) -> Option<&Arc<Topic>> {
        match self {
            Self::Keep => None,
            Self::Publication { topic, .. } => Some(topic),
            Self::Notice(notice) => Some(&notice.0),
        }
    }
}

#[cfg(test)]
mod tests;
