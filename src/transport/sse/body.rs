//! An event stream as the body of a response.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};

use super::event_stream::EventStream;
use super::handover::{Handover, Offer};

/// The body, below any HTTP server.
///
/// Below this crate's own listener it gives nothing: when it is first asked, the head of
/// the response is encoded, and the stream is offered to the connection's task, which
/// carries on without the HTTP library and its buffers.
#[derive(Debug)]
pub(super) enum StreamBody {
    Own(EventStream),
    Offered(Option<(Handover, Offer)>),
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Own(events) => {
                let text = events.poll_next(cx);
                text.map(|text| text.map(|text| Ok(Frame::data(text.into()))))
            }
            Self::Offered(offer) => {
                if let Some((handover, offer)) = offer.take() {
                    handover.offer(offer);
                }
                Poll::Pending
            }
        }
    }
}
