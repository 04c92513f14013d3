//! Publishing an event with an idempotency key: once per channel, however often it is retried.

use std::panic::resume_unwind;
use std::time::SystemTime;

use tokio::time::{Instant, timeout_at};

use super::Node;
use super::dedup::{Dedup, Outcome};
use super::publish::{channels, event_message, publish_message};
use super::publish_error::PublishError;
use super::published::Published;
use super::turn::Turn;
use crate::protocol::{Event, EventId, PublishRequest, timestamp};

impl Node {
    /// Publishes the event to those of its channels that have not had it yet.
    ///
    /// Cancel safety: with one channel, the event is published and remembered, or neither.
    /// With several, a task of its own publishes to all of them, even if the future is
    /// dropped.
    pub(super) async fn publish_once(
        &self,
        dedup: Dedup,
        id: EventId,
        request: PublishRequest,
        deadline: Instant,
    ) -> Result<Published, PublishError> {
        let channels = channels(request.target);
        // `total` is the sum over all channels, as long as none of them lacks the event.
        let (mut earlier, mut total) = (None, Some(0));
        for channel in &channels {
            let outcome = dedup.get(&(channel.clone(), id.clone()));
            earlier = earlier.or(outcome);
            total = total
                .zip(outcome)
                .map(|(sum, outcome)| sum + outcome.subscribers);
        }
        if let (Some(Outcome { at, .. }), Some(subscribers)) = (earlier, total) {
            return Ok(published(id, at, subscribers));
        }
        let mut at = earlier.map_or_else(SystemTime::now, |outcome| outcome.at);
        let PublishRequest { name, data, .. } = request;
        let key = id.clone();
        let event_at = move |at| Event {
            id: key.clone(),
            timestamp: timestamp(at),
            name: name.clone(),
            from: None,
            data: data.clone(),
        };
        self.check_size(&channels, &event_at(at))?;
        let single = channels.len() == 1;
        let hub = self.hub.clone();
        let publication = async move {
            let (mut subscribers, mut turn) = (0, Turn::begin());
            for channel in channels {
                turn.yield_if_due().await;
                let publish = async {
                    let message = event_message(&hub, &channel, &event_at(at).into());
                    let sent = publish_message(&hub, &channel, &message, || deadline).await;
                    sent.map(|subscribers| Outcome {
                        at,
                        subscribers,
                        offset: None,
                    })
                };
                let key = (channel.clone(), id.clone());
                // Waiting for a concurrent publication counts toward this one's deadline.
                let outcome = timeout_at(deadline, dedup.once(&key, publish)).await;
                let outcome = outcome.unwrap_or(Err(PublishError::Overloaded))?;
                // If a concurrent publication was first, the other channels get its timestamp.
                at = outcome.at;
                subscribers += outcome.subscribers;
            }
            Ok(published(id, at, subscribers))
        };
        if single {
            return publication.await;
        }
        match self.publishing.spawn(publication).await {
            Ok(published) => published,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_cancelled) => Err(PublishError::ShuttingDown),
            },
        }
    }
}

fn published(id: EventId, at: SystemTime, subscribers: usize) -> Published {
    Published {
        id,
        timestamp: timestamp(at),
        subscribers,
    }
}
