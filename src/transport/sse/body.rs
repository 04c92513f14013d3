//! An event stream as a response body.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};

use super::event_stream::EventStream;
use super::handover::{Handover, Offer};

/// The response body of an event stream.
#[derive(Debug)]
pub(super) enum StreamBody {
    /// An ordinary body, for any HTTP server.
    Inline(EventStream),
    /// For this crate's own listener: a body that never yields data. When it is first polled,
    /// hyper has encoded the response's header, and the stream is offered to the connection's
    /// task, which writes it without hyper and its buffers.
    HandedOver(Option<(Handover, Offer)>),
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Inline(events) => {
                let text = events.poll_next(cx);
                text.map(|text| text.map(|text| Ok(Frame::data(text.into()))))
            }
            Self::HandedOver(offer) => {
                if let Some((handover, offer)) = offer.take() {
                    handover.offer(offer);
                }
                Poll::Pending
            }
        }
    }
}
