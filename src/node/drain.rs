//! Graceful shutdown: every client is told, and nothing that was accepted is lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::Node;
use super::publish::publish_message;
use super::turn::Turn;
use crate::dialect::native::shutdown_notice;
use crate::hub::Client;
use crate::protocol::{ChannelName, CloseCode, Event, EventId, EventName, TopicMessage, timestamp};

/// How a node drains.
#[derive(Debug, Clone)]
pub struct DrainOptions {
    /// Time limit of the drain. It ends then, even if clients are still connected. Default
    /// 30 s.
    pub timeout: Duration,
    /// Connections closed per second; raised where the timeout would not be enough. Default
    /// 2000.
    pub closes_per_second: u32,
    /// Clients that may reconnect per second, to any server. The shutdown notice spreads them
    /// over a window of matching length, between 1 s and 5 min. Default 5000.
    pub reconnects_per_second: u32,
}

impl DrainOptions {
    /// The window over which `connections` clients are asked to spread their reconnects.
    fn reconnect_window(&self, connections: usize) -> Duration {
        let rate = f64::from(self.reconnects_per_second.max(1));
        let window = Duration::from_secs_f64(connections as f64 / rate);
        window.clamp(SHORTEST_WINDOW, LONGEST_WINDOW)
    }
}

impl Default for DrainOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            closes_per_second: 2000,
            reconnects_per_second: 5000,
        }
    }
}

/// The time between two batches of closes.
const BATCH_INTERVAL: Duration = Duration::from_millis(50);
/// Even a few clients are spread: each may be a page that loads more than its socket.
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);
/// Nobody should wait longer than this to reconnect.
const LONGEST_WINDOW: Duration = Duration::from_secs(5 * 60);
/// Clients that are listed at once.
const PAGE: usize = 1000;
/// How often a drain checks whether all connections are closed.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

impl Node {
    /// Stops accepting connections and events, and ends publish streams. A connection that is
    /// being made already waits for the announcement of [`drain`](Self::drain).
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.drain_begun.cancel();
        self.connecting.close();
        self.publishing.close();
    }

    /// Drains the node: sends the shutdown notice, closes all connections with 1001 in paced
    /// batches, each behind the messages in its outbox, and waits until they are gone.
    /// Returns the number of connections that were still open when the timeout passed.
    pub async fn drain(&self, options: &DrainOptions) -> usize {
        let announcing = self.announcement.over_on_drop();
        self.begin_drain();
        let deadline = Instant::now() + options.timeout;
        // If the deadline passes, what is left is reported below.
        let _ = timeout_at(deadline, async move {
            self.connecting.wait().await;
            self.publishing.wait().await;
            self.announce_drain(options, deadline).await;
            // Before others become known: they are told, and closed, when they connect.
            let told = self.connected_clients().await;
            drop(announcing);
            self.close_in_batches(told, options, deadline).await;
            while self.hub.links() > 0 || !self.latecomers.is_empty() {
                sleep(POLL_INTERVAL).await;
            }
        })
        .await;
        self.hub.links()
    }

    /// All clients with a connection, in the order of connecting.
    async fn connected_clients(&self) -> Vec<Arc<Client>> {
        let (mut clients, mut turn) = (Vec::new(), Turn::begin());
        loop {
            let page = self.clients(clients.last().map(|client: &Arc<Client>| client.id()), PAGE);
            clients.extend(page.items);
            if !page.more {
                return clients;
            }
            turn.yield_if_due().await;
        }
    }

    async fn announce_drain(&self, options: &DrainOptions, deadline: Instant) {
        let channel = ChannelName::system();
        let window = options.reconnect_window(self.hub.connections());
        let now = SystemTime::now();
        let event = Event {
            id: EventId::generate(now),
            timestamp: timestamp(now),
            name: EventName::new("shutdown").ok(),
            from: None,
            data: shutdown_notice("The server is shutting down", window),
        };
        // Fails only if the hub has shut down, and then there is nobody to notify.
        let notice = self.outgoing(TopicMessage::Shutdown {
            channel: channel.as_shared().clone(),
            event: event.into(),
            window,
        });
        self.announcement.begin(notice.clone());
        let _ = publish_message(&self.hub, &channel, &notice, || deadline).await;
    }

    /// Closes `clients`, at the pace of `options`. Each may take until `deadline` to read what
    /// is in its outbox.
    async fn close_in_batches(
        &self,
        clients: Vec<Arc<Client>>,
        options: &DrainOptions,
        deadline: Instant,
    ) {
        // Four fifths of the time for closing, the rest for the last answers.
        let batches = (options.timeout * 4 / 5).as_millis() / BATCH_INTERVAL.as_millis();
        let needed = clients.len().div_ceil((batches as usize).max(1));
        let paced = f64::from(options.closes_per_second) * BATCH_INTERVAL.as_secs_f64();
        let batch = needed.max(paced as usize).max(1);
        let mut next = Instant::now();
        for clients in clients.chunks(batch) {
            sleep_until(next).await;
            next += BATCH_INTERVAL;
            let left = deadline.saturating_duration_since(Instant::now());
            // Together, since each may wait for a shard that is behind.
            let closes = clients.iter().map(|client| {
                let code = CloseCode::GoingAway;
                client.record_close(code.code());
                let frame = self.dialect_of(client).close(code, None);
                self.hub.close(client, frame, left)
            });
            if join_all(closes)
                .await
                .into_iter()
                .any(|closed| closed.is_err())
            {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;

    use futures_util::poll;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::dialect::Dialects;
    use crate::hub::{ClientInfo, Hub, HubOptions, Link, Pipe};
    use crate::node::NodeOptions;

    /// The moment is between two lines of `connect`, in which nothing waits.
    #[tokio::test(start_paused = true)]
    async fn a_drain_waits_for_a_connection_that_began_before_it_and_is_not_known_yet() {
        let tasks = TaskTracker::new();
        let hub = Hub::new(&HubOptions::default(), Dialects::default(), &tasks);
        let node = Node::new(hub, NodeOptions::default());
        let connecting = node.connecting.token();
        assert!(!node.is_draining());
        let options = DrainOptions::default();
        let mut draining = pin!(node.drain(&options));
        assert!(poll!(&mut draining).is_pending(), "a connection is made");

        let admission = node.admit(ClientInfo::default(), None).await.unwrap();
        let pipe = Arc::<Pipe>::default();
        let link = Link::Pipe(pipe.clone());
        let client = node.make_known(admission, link).await.unwrap();
        drop(connecting);
        let ending = async {
            let mut written = Vec::new();
            let closed = b"\x88\x0a\x03\xe9shutdown";
            while !written.ends_with(closed) {
                assert!(poll_fn(|cx| pipe.poll_read(cx, &mut written)).await);
            }
            node.disconnect(&client).await.unwrap();
            node.release(&client, false).unwrap();
            written
        };
        let (left, written) = tokio::join!(draining, ending);
        assert_eq!(left, 0);
        let text = String::from_utf8_lossy(&written);
        assert_eq!(text.matches(r#""event":"shutdown""#).count(), 1, "{text}");
    }

    #[test]
    fn the_reconnect_window_grows_with_the_connections_within_bounds() {
        let options = DrainOptions::default();
        let window = |connections| options.reconnect_window(connections).as_millis();
        assert_eq!(window(0), 1000);
        assert_eq!(window(5000), 1000);
        assert_eq!(window(7500), 1500);
        assert_eq!(window(100_000), 20_000);
        assert_eq!(window(usize::MAX), 300_000);
        let none = DrainOptions {
            reconnects_per_second: 0,
            ..options
        };
        assert_eq!(none.reconnect_window(100_000).as_millis(), 300_000);
    }
}
