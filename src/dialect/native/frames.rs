//! Native messages as frames, and the native [`Dialect`].

use super::messages::append_offset;
use crate::dialect::source::At;
use crate::dialect::table::Dialect;
use crate::protocol::{Json, ServerMessage, TopicMessage};
use crate::wire::Frame;

/// The native dialect.
#[derive(Debug, Clone, Copy)]
pub struct Native;

impl Dialect for Native {
    fn message(&self, message: &ServerMessage<'_>, reply_to: Option<&Json>) -> Frame {
        Frame::text(message.to_reply(reply_to).into())
    }

    fn topic_message(&self, message: &TopicMessage, at: Option<At<'_>>) -> Frame {
        let plain = self.message(&message.as_server_message(), None);
        match at {
            Some(at) => with_offset(&plain, at.offset),
            None => plain,
        }
    }

    fn sequenced(&self, _: &TopicMessage, plain: &Frame, at: At<'_>) -> Frame {
        with_offset(plain, at.offset)
    }
}

/// A publication with its offset as the last field. `plain` is the same without.
pub fn with_offset(plain: &Frame, offset: u64) -> Frame {
    Frame::utf8(append_offset(plain.payload(), offset).into())
}
