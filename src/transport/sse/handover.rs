//! Hands an event stream over from hyper to a task of its own.
//!
//! hyper keeps 16 KiB of buffers and a few more of state while a response lasts, and an event
//! stream lasts long. So hyper writes only the response's header. Once that has reached the
//! socket, the connection's task takes the socket back, and a small task writes the body.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::connection::SseConnection;
use super::event_stream::EventStream;
use crate::transport::client_socket::ClientSocket;
use crate::transport::socket::SocketOptions;

/// Through this, a response passes an event stream to the task of its HTTP connection. A listener
/// that supports handovers puts one into the extensions of each request.
#[derive(Debug, Clone, Default)]
pub struct Handover(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Whether `state` has an offer. Most connections never have one, and look often.
    is_offered: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    offer: Option<Offer>,
    /// Whether everything written before the offer, up to and including the response's header,
    /// has reached the socket.
    flushed: bool,
}

/// An event stream that is handed over, and what is needed to continue it.
#[derive(Debug)]
pub struct Offer {
    pub(super) events: EventStream,
    pub(super) options: SocketOptions,
    /// Whether the response uses `Transfer-Encoding: chunked`. An HTTP/1.0 peer reads until the
    /// connection ends.
    pub(super) chunked: bool,
}

impl Offer {
    /// Continues the stream in a task of its own, until either side ends it.
    pub fn accept(self, socket: ClientSocket) {
        self.options.apply(socket.tcp());
        let tasks = self.events.tasks().clone();
        let timeout = self.options.write_timeout;
        tasks.spawn(SseConnection::new(socket, self.events, self.chunked, timeout).run());
    }
}

impl Handover {
    pub(super) fn offer(&self, offer: Offer) {
        let mut state = self.0.state.lock();
        state.flushed = false;
        state.offer = Some(offer);
        self.0.is_offered.store(true, Ordering::Release);
    }

    /// Takes the offered stream, once the socket is no longer needed by hyper.
    pub fn take(&self) -> Option<Offer> {
        if !self.is_offered() {
            return None;
        }
        let mut state = self.0.state.lock();
        if !state.flushed {
            return None;
        }
        self.0.is_offered.store(false, Ordering::Release);
        state.offer.take()
    }

    /// Whether a stream was offered and not taken yet.
    pub(in crate::transport) fn is_offered(&self) -> bool {
        self.0.is_offered.load(Ordering::Acquire)
    }

    /// Everything that was written has reached the socket.
    pub(in crate::transport) fn record_flush(&self) {
        if self.is_offered() {
            self.0.state.lock().flushed = true;
        }
    }
}
