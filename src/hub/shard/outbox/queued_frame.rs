//! A frame in an outbox.

use std::sync::Arc;

use crate::hub::replies::ReplyCharge;
use crate::hub::shard::outbox_total::{ENTRY_BYTES, FrameCharge};
use crate::hub::topic::Topic;
use crate::protocol::Gap;
use crate::wire::Frame;

/// What a queued frame is, and so whether it may be dropped or changed.
#[derive(Debug)]
pub(super) enum FrameKind {
    /// Written unchanged.
    Fixed,
    /// A publication that may be dropped. A gap notice then takes its place.
    Droppable {
        topic: Arc<Topic>,
        offset: Option<u64>,
    },
    /// A reply to one of the client's own commands, and what it is counted by.
    Reply { _charge: ReplyCharge },
    /// A gap notice, which is extended when more of the topic's publications are dropped.
    GapNotice(Box<(Arc<Topic>, Gap)>),
}

/// A frame that waits for its client.
#[derive(Debug)]
pub(super) struct QueuedFrame {
    pub(super) frame: Frame,
    pub(super) kind: FrameKind,
    /// Counts it in the total of all outboxes.
    pub(super) charge: Option<FrameCharge>,
}

const _: () = assert!(2 * size_of::<QueuedFrame>() <= ENTRY_BYTES);

impl QueuedFrame {
    pub(super) fn new(frame: Frame, kind: FrameKind) -> Self {
        Self {
            frame,
            kind,
            charge: None,
        }
    }

    pub(super) fn counted(self, charge: FrameCharge) -> Self {
        Self {
            charge: Some(charge),
            ..self
        }
    }

    pub(super) fn fixed(frame: Frame) -> Self {
        Self::new(frame, FrameKind::Fixed)
    }
}
