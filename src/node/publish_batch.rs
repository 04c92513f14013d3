//! Publishing many events of one request.

use super::Node;
use super::publish::check_total;
use super::publish_error::PublishError;
use super::published::Published;
use super::turn::Turn;
use crate::protocol::{Identity, PublishRequest, Refusal};

impl Node {
    /// Reviews and checks all events before it publishes the first, and publishes them in
    /// order.
    ///
    /// Errors: what is wrong with one event is wrong with the batch; the detail gives its
    /// index. An error while publishing leaves the events before it published.
    /// Backpressure and cancel safety: as for [`publish`](Self::publish), for each event.
    pub async fn publish_batch(
        &self,
        publisher: Option<&Identity>,
        requests: Vec<PublishRequest>,
    ) -> Result<Vec<Published>, Refusal> {
        // One for all: a slow policy does not hold a batch for a thousand times as long.
        let deadline = self.policy_deadline();
        let mut accepted = Vec::with_capacity(requests.len());
        let (mut bytes, mut turn) = (0, Turn::begin());
        for (index, request) in requests.into_iter().enumerate() {
            turn.give_way().await;
            let request = self.review(publisher, request, deadline).await;
            let request = request.map_err(|refusal| at_index(index, &refusal))?;
            let check = self.check_publishable(&request).and_then(|size| {
                bytes += size;
                check_total(bytes)
            });
            check.map_err(|error: PublishError| at_index(index, &error.into()))?;
            accepted.push(request);
        }
        let mut events = Vec::with_capacity(accepted.len());
        for request in accepted {
            turn.give_way().await;
            events.push(self.publish(request).await?);
        }
        Ok(events)
    }
}

fn at_index(index: usize, refusal: &Refusal) -> Refusal {
    Refusal::new(refusal.code).with_detail(format!("events[{index}]: {refusal}"))
}
