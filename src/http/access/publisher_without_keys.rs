//! What an admitted request may publish, where there are no keys: everything.

#![allow(
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "the interface is that with keys"
)]

use crate::http::problem::ApiError;
use crate::protocol::{PublishRequest, Refusal};

/// Who publishes, as far as the API knows.
#[derive(Debug, Clone)]
pub(in crate::http) struct Publisher;

impl Publisher {
    /// Whoever may publish everything.
    pub(super) fn unlimited() -> Self {
        Self
    }

    /// Checks an event's channels.
    pub(in crate::http) fn may_publish(&self, _: &PublishRequest) -> Result<(), Refusal> {
        Ok(())
    }

    /// Counts the publications of events that are about to be published.
    pub(in crate::http) fn charge(&self, _: &[PublishRequest]) -> Result<(), ApiError> {
        Ok(())
    }

    /// Checks an event, and counts it.
    pub(in crate::http) fn admit(&self, _: &PublishRequest) -> Result<(), ApiError> {
        Ok(())
    }

    /// The same for one of many events, each of which is answered.
    pub(in crate::http) fn admit_line(&self, _: &PublishRequest) -> Result<(), Refusal> {
        Ok(())
    }
}
