//! Native messages as frames, and the native [`Dialect`].

use std::sync::Arc;

use super::messages::with_offset;
use crate::dialect::Dialect;
use crate::protocol::{CloseCode, Gap, Json, ServerMessage, TopicName};
use crate::wire::Frame;

/// Encodes a message as a frame. A reply echoes the `id` of its command.
pub fn encode(message: &ServerMessage<'_>, reply_to: Option<&Json>) -> Frame {
    Frame::text(message.to_reply(reply_to).into())
}

/// The native dialect.
#[derive(Debug, Clone, Copy)]
pub struct Native;

impl Dialect for Native {
    fn publication(&self, encoded: &Arc<str>) -> Frame {
        Frame::text(encoded.clone())
    }

    fn sequenced(&self, encoded: &str, offset: u64) -> Frame {
        Frame::text(with_offset(encoded, offset).into())
    }

    fn gap(&self, topic: TopicName<'_>, gap: Gap) -> Frame {
        encode(&ServerMessage::Gap { topic, gap }, None)
    }

    fn ping(&self) -> Frame {
        Frame::ping()
    }

    fn close(&self, code: CloseCode, reason: Option<&str>) -> Frame {
        Frame::close(code.code(), reason.unwrap_or(code.reason()))
    }
}
