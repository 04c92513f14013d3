//! Publishing an event with an idempotency key once, however often it is requested.

use std::panic::resume_unwind;
use std::time::SystemTime;

use tokio::time::{Instant, timeout_at};

use super::Node;
use super::dedup::{Dedup, Outcome};
use super::publish::{channels, event_message, publish_message};
use super::publish_error::PublishError;
use super::published::Published;
use crate::protocol::{Event, EventId, PublishRequest, timestamp};

impl Node {
    /// Publishes to the channels that have not had the event yet.
    ///
    /// Cancel safety: with one channel, the event is published and remembered, or neither. For
    /// several, it is published on a task of its own, which dropping this future does not end.
    pub(super) async fn publish_once(
        &self,
        dedup: Dedup,
        id: EventId,
        request: PublishRequest,
        deadline: Instant,
    ) -> Result<Published, PublishError> {
        let channels = channels(&request.target);
        let (mut known, mut all) = (None, Some(0));
        for channel in &channels {
            let first = dedup.get(&(channel.clone(), id.clone()));
            known = known.or(first);
            all = all.zip(first).map(|(sum, first)| sum + first.subscribers);
        }
        if let (Some(Outcome { at, .. }), Some(subscribers)) = (known, all) {
            return Ok(published(id, at, subscribers));
        }
        let mut at = known.map_or_else(SystemTime::now, |first| first.at);
        let PublishRequest { name, data, .. } = request;
        let key = id.clone();
        let event_at = move |at| Event {
            id: key.clone(),
            timestamp: timestamp(at),
            name: name.clone(),
            data: data.clone(),
        };
        let messages = self.messages(channels, &event_at(at))?;
        let single = messages.len() == 1;
        let hub = self.hub.clone();
        let publication = async move {
            let (mut subscribers, encoded_at) = (0, at);
            for (channel, mut message) in messages {
                if at != encoded_at {
                    message = event_message(&channel, &event_at(at));
                }
                let publish = async {
                    let sent = publish_message(&hub, &channel, message, deadline).await;
                    sent.map(|subscribers| Outcome { at, subscribers })
                };
                let key = (channel.clone(), id.clone());
                // Another's publication may be under way for longer than this one waits.
                let first = timeout_at(deadline, dedup.once(&key, publish)).await;
                let first = first.unwrap_or(Err(PublishError::Overloaded))?;
                // When somebody else has begun this event, the rest of it follows theirs.
                at = first.at;
                subscribers += first.subscribers;
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
