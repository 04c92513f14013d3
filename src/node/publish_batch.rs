//! Publishing many events of one request.

use super::Node;
use super::publish::check_total;
use super::publish_error::PublishError;
use super::published::Published;
use super::turn::Turn;
use crate::protocol::{Identity, PublishRequest, Refusal};

/// Why a batch was not published, or not as a whole.
#[derive(Debug)]
pub enum BatchError {
    /// The event at `index` was refused, and no event was published.
    Refused {
        /// Index of the first event that was refused.
        index: usize,
        /// Why.
        refusal: Refusal,
    },
    /// The event after the published ones failed, and the rest was not tried.
    Unfinished {
        /// The events before the one that failed.
        published: Vec<Published>,
        /// Why it failed.
        error: PublishError,
    },
}

impl Node {
    /// Reviews and checks all events before it publishes the first, and publishes them in
    /// order.
    ///
    /// Backpressure: all events together wait for full mailboxes as long as one event may.
    /// Errors: the first event that cannot be published in time ends the batch, so that the
    /// order is kept when the rest is sent again.
    /// Cancel safety: as for [`publish`](Self::publish), for each event.
    pub async fn publish_batch(
        &self,
        publisher: Option<&Identity>,
        requests: Vec<PublishRequest>,
    ) -> Result<Vec<Published>, BatchError> {
        let accepted = self.review_batch(publisher, requests).await?;
        let deadline = self.publish_deadline();
        let mut outcomes = Vec::with_capacity(accepted.len());
        let mut turn = Turn::begin();
        for request in accepted {
            turn.yield_if_due().await;
            match self.publish_before(request, Some(deadline)).await {
                Ok(event) => outcomes.push(event),
                Err(error) => {
                    return Err(BatchError::Unfinished {
                        published: outcomes,
                        error,
                    });
                }
            }
        }
        Ok(outcomes)
    }

    /// Asks the policy about each event and checks it. One that is refused refuses them all.
    async fn review_batch(
        &self,
        publisher: Option<&Identity>,
        requests: Vec<PublishRequest>,
    ) -> Result<Vec<PublishRequest>, BatchError> {
        // One deadline for the whole batch: otherwise a slow policy could hold it up for a
        // thousand deadlines.
        let deadline = Some(self.policy_deadline());
        let mut accepted = Vec::with_capacity(requests.len());
        let (mut bytes, mut turn) = (0, Turn::begin());
        for (index, request) in requests.into_iter().enumerate() {
            turn.yield_if_due().await;
            let refused = |refusal| BatchError::Refused { index, refusal };
            let request = self.review(publisher, request, deadline).await;
            let request = request.map_err(refused)?;
            let check = self.check_publishable(&request).and_then(|size| {
                bytes += size;
                check_total(bytes)
            });
            check.map_err(|error: PublishError| refused(error.into()))?;
            accepted.push(request);
        }
        Ok(accepted)
    }
}
