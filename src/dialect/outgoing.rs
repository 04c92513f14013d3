//! Messages that are encoded when somebody takes them.

use std::sync::Arc;

use super::{At, ClassId, Dialects, Source, stored};
use crate::protocol::{Presence, ServerMessage, TopicKind, TopicMessage};
use crate::wire::Frame;

/// What a topic sends to its members, with the dialects that encode it.
#[derive(Debug)]
pub struct Outgoing {
    dialects: Dialects,
    message: TopicMessage,
}

impl Outgoing {
    /// A source that encodes the message in the client's dialect.
    pub fn source(dialects: Dialects, message: TopicMessage) -> Arc<dyn Source> {
        Arc::new(Self { dialects, message })
    }

    /// The announcement of a change of those who are present.
    pub fn presence(
        dialects: Dialects,
        kind: TopicKind,
        name: Arc<str>,
        presence: Presence,
    ) -> Arc<dyn Source> {
        let message = TopicMessage::Presence {
            kind,
            name,
            presence,
        };
        Self::source(dialects, message)
    }

    /// The source whose [`to_bytes`](Source::to_bytes) made these bytes, for the topic of this kind
    /// and name. `None` if they are invalid.
    pub fn from_bytes(
        dialects: Dialects,
        kind: TopicKind,
        name: &Arc<str>,
        bytes: &[u8],
    ) -> Option<Arc<dyn Source>> {
        let message = stored::from_bytes(kind, name, bytes)?;
        Some(Self::source(dialects, message))
    }
}

impl Source for Outgoing {
    fn plain(&self) -> Frame {
        self.encode(ClassId::NATIVE, None)
    }

    fn sequenced(&self, plain: &Frame, at: At<'_>) -> Frame {
        let native = self.dialects.of(ClassId::NATIVE);
        native.sequenced(&self.message, plain, at)
    }

    fn encode(&self, class: ClassId, at: Option<At<'_>>) -> Frame {
        self.dialects.of(class).topic_message(&self.message, at)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.message.bytes()
    }

    fn to_bytes(&self) -> Option<Vec<u8>> {
        stored::to_bytes(&self.message)
    }
}

/// A message in the form of each class, for one that no [`TopicMessage`] describes.
#[derive(Debug)]
pub struct Encoded(Box<[Frame]>);

impl Encoded {
    /// Encodes the message in each dialect.
    pub fn source(dialects: Dialects, message: &ServerMessage<'_>) -> Arc<dyn Source> {
        let frames = dialects
            .iter()
            .map(|dialect| dialect.message(message, None));
        Arc::new(Self(frames.collect()))
    }
}

impl Source for Encoded {
    fn plain(&self) -> Frame {
        self.encode(ClassId::NATIVE, None)
    }

    fn sequenced(&self, plain: &Frame, _: At<'_>) -> Frame {
        plain.clone()
    }

    fn encode(&self, class: ClassId, _: Option<At<'_>>) -> Frame {
        let frame = self.0.get(class.index());
        // The table always has the native dialect, so there is a first frame.
        frame.unwrap_or(&self.0[ClassId::NATIVE.index()]).clone()
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(Frame::len).sum()
    }
}
