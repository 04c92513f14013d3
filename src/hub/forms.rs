//! One broadcast, in every form that somebody takes.

use std::sync::Arc;

use parking_lot::Mutex;

use super::log::Sequenced;
use crate::dialect::{At, ClassId, Source};
use crate::wire::Frame;

/// One broadcast in the forms that its recipients take. All of them share each form.
///
/// The native forms are made when it is sent, so that they cost no lock and no branch per delivery.
/// Every other form is made by the first shard that has a recipient for it; a shard that needs the same form
/// at that moment waits for it. They live as long as the broadcast and the outboxes that hold them.
#[derive(Debug)]
pub(in crate::hub) struct Forms {
    plain: Frame,
    /// `None` if it has no position.
    sequenced: Option<Sequenced>,
    source: Arc<dyn Source>,
    /// Bound: two forms per class.
    others: Mutex<Vec<(FormKey, Frame)>>,
}

/// Which form of a broadcast a recipient takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::hub) struct FormKey {
    pub(in crate::hub) class: ClassId,
    /// Whether with the position, if the broadcast has one.
    pub(in crate::hub) with_position: bool,
}

impl FormKey {
    pub(in crate::hub) fn new(class: ClassId, with_position: bool) -> Self {
        Self {
            class,
            with_position,
        }
    }
}

impl Forms {
    /// A broadcast without a position.
    pub(in crate::hub) fn notice(source: Arc<dyn Source>) -> Arc<Self> {
        let plain = source.plain();
        Self::new(source, plain, None)
    }

    /// A broadcast whose native forms have been made.
    pub(in crate::hub) fn new(
        source: Arc<dyn Source>,
        plain: Frame,
        sequenced: Option<Sequenced>,
    ) -> Arc<Self> {
        Arc::new(Self {
            plain,
            sequenced,
            source,
            others: Mutex::default(),
        })
    }

    /// The offset, if it has a position.
    pub(in crate::hub) fn offset(&self) -> Option<u64> {
        self.sequenced.as_ref().map(|sequenced| sequenced.offset)
    }

    /// The size of the native form, which stands for the others too where work is estimated.
    pub(in crate::hub) fn len(&self) -> usize {
        self.plain.len()
    }

    /// The native form.
    pub(in crate::hub) fn native(&self, with_position: bool) -> &Frame {
        match &self.sequenced {
            Some(sequenced) if with_position => &sequenced.frame,
            _ => &self.plain,
        }
    }

    /// The form with this key, made if nobody has taken it before.
    pub(in crate::hub) fn form(&self, key: FormKey) -> Frame {
        if key.class == ClassId::NATIVE {
            return self.native(key.with_position).clone();
        }
        let at = self.sequenced.as_ref().filter(|_| key.with_position);
        // Without a position there is one form.
        let key = FormKey::new(key.class, at.is_some());
        let mut others = self.others.lock();
        if let Some((_, frame)) = others.iter().find(|(known, _)| *known == key) {
            return frame.clone();
        }
        let at = at.map(|sequenced| At {
            offset: sequenced.offset,
            epoch: &sequenced.epoch,
        });
        let frame = self.source.encode(key.class, at);
        others.push((key, frame.clone()));
        frame
    }
}
