//! The protocol machine of one connection, without I/O.

mod native;

use std::future::Future;

pub use native::NativeSession;

use crate::hub::HubClosed;

/// A data message, or what is left of one.
#[derive(Debug)]
pub enum InboundMessage<'a> {
    /// Valid UTF-8; may be parsed in place.
    Text(&'a mut [u8]),
    /// Any bytes.
    Binary(&'a mut [u8]),
    /// A message over the size limit; it is skipped.
    TooLarge,
}

/// What a connection does with its messages.
///
/// Messages lie in a buffer that many connections share, so they are taken in two steps:
/// [`accept`](Self::accept) keeps what is needed and does not wait; [`perform`](Self::perform)
/// carries it out and may.
pub trait Session: Send + 'static {
    /// Takes a message out of the read buffer.
    fn accept(&mut self, message: InboundMessage<'_>);

    /// Whether something was accepted that is not yet carried out.
    fn has_work(&self) -> bool;

    /// Carries out what was accepted, in order. While it waits, nothing more is read
    /// from the connection. An error ends the connection.
    fn perform(&mut self) -> impl Future<Output = Result<(), HubClosed>> + Send;
}
