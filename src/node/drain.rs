//! Shutting down without losing anybody or anything.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::Node;
use super::publish::event_frame;
use crate::protocol::{ChannelName, CloseCode, Event, EventData, EventId};
use crate::wire::Frame;

/// How a node drains.
#[derive(Debug, Clone)]
pub struct DrainOptions {
    /// When the drain ends, whoever is still connected. Default 30 s.
    pub timeout: Duration,
    /// Connections closed a second; more when the timeout would not suffice. Default 2000.
    pub closes_per_second: u32,
}

impl Default for DrainOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            closes_per_second: 2000,
        }
    }
}

/// Time between two batches of closes.
const BATCH_INTERVAL: Duration = Duration::from_millis(50);
/// How often a drain looks whether everybody has gone.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

impl Node {
    /// From now on nothing new is accepted: no connection, no event.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.publishing.close();
    }

    /// Tells everybody, closes all connections with 1001 in paced batches behind what
    /// waits for them, and returns when the last has gone or the timeout has passed:
    /// how many were still there.
    pub async fn drain(&self, options: &DrainOptions) -> usize {
        self.begin_drain();
        let deadline = Instant::now() + options.timeout;
        // A deadline that passes in the middle ends the drain like any other.
        let _ = timeout_at(deadline, async {
            self.publishing.wait().await;
            self.announce_drain().await;
            self.close_in_batches(options, deadline).await;
            while self.hub.links() > 0 {
                sleep(POLL_INTERVAL).await;
            }
        })
        .await;
        self.hub.links()
    }

    async fn announce_drain(&self) {
        let channel = ChannelName::system();
        let data = EventData::message("The server is shutting down");
        let name = Some("shutdown".into());
        let event = Event::new(EventId::generate(), SystemTime::now(), name, &data);
        // A hub without shards has nobody to tell.
        let _ = self
            .broadcast(&channel, &event_frame(&channel, &event))
            .await;
    }

    /// What waits for a client is worth waiting for until `deadline`.
    async fn close_in_batches(&self, options: &DrainOptions, deadline: Instant) {
        let code = CloseCode::GoingAway;
        let frame = Frame::close(code.code(), code.reason());
        let mut clients = self.hub.clients();
        clients.retain(|client| client.is_attached());
        clients.sort_unstable_by_key(|client| client.id());
        // Four fifths of the time for closing, the rest for the last answers.
        let batches = (options.timeout * 4 / 5).as_millis() / BATCH_INTERVAL.as_millis();
        let needed = clients.len().div_ceil((batches as usize).max(1));
        let paced = f64::from(options.closes_per_second) * BATCH_INTERVAL.as_secs_f64();
        let batch = needed.max(paced as usize).max(1);
        let mut next = Instant::now();
        for clients in clients.chunks(batch) {
            sleep_until(next).await;
            next += BATCH_INTERVAL;
            for client in clients {
                let left = deadline.saturating_duration_since(Instant::now());
                if self.hub.close(client, frame.clone(), left).await.is_err() {
                    return;
                }
            }
        }
    }
}
