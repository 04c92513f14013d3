//! Native JSON as a source, for this project's own tests and benchmarks.

use std::sync::Arc;

use super::frames::with_offset;
use crate::dialect::class::ClassId;
use crate::dialect::source::{At, Source};
use crate::wire::Frame;

/// A source from native JSON: the text is the form of every class, with the offset added where
/// there is one.
#[derive(Debug)]
pub struct NativeText(Arc<str>);

impl NativeText {
    /// A source from the text of a JSON object with members.
    pub fn source(text: &str) -> Arc<dyn Source> {
        Arc::new(Self(text.into()))
    }
}

impl Source for NativeText {
    fn plain(&self) -> Frame {
        Frame::text(self.0.clone())
    }

    fn sequenced(&self, plain: &Frame, at: At<'_>) -> Frame {
        with_offset(plain, at.offset)
    }

    fn encode(&self, _: ClassId, at: Option<At<'_>>) -> Frame {
        match at {
            Some(at) => self.sequenced(&self.plain(), at),
            None => self.plain(),
        }
    }

    fn bytes(&self) -> usize {
        self.0.len()
    }
}
