//! A request body that tells whether it was read to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};

/// Whether a request on a connection was answered before its body had been read. The connection then
/// ends with the response: what follows in it belongs to that body.
#[derive(Debug, Clone, Default)]
pub(super) struct UnreadBody(Arc<AtomicBool>);

impl UnreadBody {
    pub(super) fn record(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_recorded(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The body of a request. If it is dropped before its end, that is recorded.
#[derive(Debug)]
pub(super) struct RequestBody {
    source: Incoming,
    has_ended: bool,
    unread: UnreadBody,
}

impl RequestBody {
    pub(super) fn new(source: Incoming, unread: UnreadBody) -> Self {
        Self {
            source,
            has_ended: false,
            unread,
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.source).poll_frame(cx);
        self.has_ended |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.source.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.has_ended && !self.source.is_end_stream() {
            self.unread.record();
        }
    }
}
