//! The protocol state machine of one connection, without I/O.

mod accepted;
mod native;
mod rates;
mod unauthenticated;

use std::future::Future;

pub use native::NativeSession;
pub use unauthenticated::{Step, UnauthenticatedSession};

use crate::hub::HubClosed;

/// A data message from the client.
#[derive(Debug)]
pub enum InboundMessage<'a> {
    /// A text message, which is valid UTF-8 and may be parsed in place.
    Text(&'a mut [u8]),
    /// A binary message.
    Binary(&'a mut [u8]),
    /// A message that exceeds the size limit and was skipped.
    TooLarge,
}

/// Handles the messages of one connection.
///
/// Messages are read into a buffer that many connections share, so they are handled in two steps.
/// [`accept`](Self::accept) copies what it needs and never waits; [`perform`](Self::perform)
/// does the work and may wait.
pub trait Session: Send + 'static {
    /// Accepts a message that is still in the read buffer.
    fn accept(&mut self, message: InboundMessage<'_>);

    /// Accepts a ping or a pong. False if there are too many: then the connection is closed (1008).
    fn accept_control_frame(&mut self) -> bool {
        true
    }

    /// Whether accepted messages are waiting for [`perform`](Self::perform).
    fn has_work(&self) -> bool;

    /// Carries out what the accepted messages ask for, in order.
    ///
    /// Backpressure: while it waits, nothing more is read from the connection.
    /// Errors: an error ends the connection.
    fn perform(&mut self) -> impl Future<Output = Result<(), HubClosed>> + Send;
}
