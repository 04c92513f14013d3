//! Errors of the library's front.

use crate::hub::HubClosed;
use crate::node::PublishError;
use crate::protocol::{ErrorCode, Refusal};

/// Why a call about a room, a client or a channel was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.message())]
pub struct ServerError(pub ErrorCode);

impl From<Refusal> for ServerError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.code)
    }
}

impl From<HubClosed> for ServerError {
    fn from(_: HubClosed) -> Self {
        Self(ErrorCode::Draining)
    }
}

impl From<PublishError> for ServerError {
    fn from(error: PublishError) -> Self {
        Self(error.into())
    }
}
