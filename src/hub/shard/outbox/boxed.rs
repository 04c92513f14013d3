//! An outbox that is allocated while it holds something.

use std::ops::{Deref, DerefMut};

use super::{Completed, Outbox};
use crate::hub::topic::TopicId;

static EMPTY: Outbox = Outbox::new();

/// The outbox of a connection. Nearly all of them are empty, and then it is a null pointer.
///
/// What queues a frame allocates it, by borrowing it mutably. What removes frames is defined here
/// and frees it when the last one has gone.
#[derive(Debug, Default)]
pub(in crate::hub::shard) struct BoxedOutbox(Option<Box<Outbox>>);

impl BoxedOutbox {
    /// See [`Outbox::advance`].
    pub(in crate::hub::shard) fn advance(&mut self, count: usize) -> Completed {
        self.change(|outbox| outbox.advance(count))
            .unwrap_or_default()
    }

    /// See [`Outbox::discard_unsent`].
    pub(in crate::hub::shard) fn discard_unsent(&mut self) {
        self.change(Outbox::discard_unsent);
    }

    /// See [`Outbox::seal`].
    pub(in crate::hub::shard) fn seal(&mut self, topic: TopicId) {
        self.change(|outbox| outbox.seal(topic));
    }

    /// Changes the outbox if it holds something, and frees it if it then holds nothing.
    fn change<T>(&mut self, f: impl FnOnce(&mut Outbox) -> T) -> Option<T> {
        let outbox = self.0.as_mut()?;
        let changed = f(outbox);
        if outbox.is_empty() {
            self.0 = None;
        }
        Some(changed)
    }
}

impl Deref for BoxedOutbox {
    type Target = Outbox;

    fn deref(&self) -> &Outbox {
        self.0.as_deref().unwrap_or(&EMPTY)
    }
}

impl DerefMut for BoxedOutbox {
    fn deref_mut(&mut self) -> &mut Outbox {
        self.0.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Frame;

    #[test]
    fn it_is_allocated_while_it_holds_something() {
        let mut outbox = BoxedOutbox::default();
        outbox.seal(TopicId(1));
        outbox.discard_unsent();
        assert!(outbox.is_empty() && outbox.0.is_none());
        outbox.push_last(Frame::ping());
        assert_eq!((outbox.messages(), outbox.bytes()), (1, 2));
        outbox.advance(1);
        outbox.discard_unsent();
        assert_eq!(outbox.bytes(), 1);
        assert!(outbox.advance(1).ping);
        assert!(outbox.is_empty() && outbox.0.is_none());
        outbox.push_last(Frame::ping());
        outbox.discard_unsent();
        assert!(outbox.0.is_none());
    }
}
