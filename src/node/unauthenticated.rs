//! Connections whose clients have yet to send their tokens.

use std::net::SocketAddr;

use super::Node;
use super::addresses::AddressPlace;
use super::admission::Place;
use crate::limits::Limit;
use crate::protocol::{ErrorCode, Refusal};

/// A connection whose client has yet to send its token.
#[derive(Debug)]
pub struct Unauthenticated {
    /// Among the connections that may be made, so that there is room for it.
    _awaiting: Place,
    _waiting: Place,
    _of_address: AddressPlace,
}

impl Node {
    /// A place for a connection whose client has yet to send its token. Drop it when the token has come.
    ///
    /// Errors: `too_many_connections` if there are too many of them, or of all connections;
    /// `too_many_from_address`.
    pub fn await_token(&self, remote: Option<SocketAddr>) -> Result<Unauthenticated, Refusal> {
        let awaiting = self.awaiting.enter();
        self.has_room(awaiting.ahead)?;
        let of_address = self.enter_address(remote)?;
        let waiting = self.unauthenticated.enter();
        let mut max = self.tokens().map_or(0, |tokens| tokens.max_waiting);
        if self.options.max_connections > 0 {
            // Most places stay for those who have authenticated.
            max = max.min((self.options.max_connections / 4).max(1));
        }
        if waiting.ahead >= max {
            self.count_limited(Limit::WaitingForAuth);
            return Err(ErrorCode::TooManyConnections.into());
        }
        Ok(Unauthenticated {
            _awaiting: awaiting,
            _waiting: waiting,
            _of_address: of_address,
        })
    }
}
