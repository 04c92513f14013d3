//! Observing the hub: calls about clients and topics.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::client_info::ClientRef;
use super::metrics::Metrics;
use crate::protocol::TopicName;

/// Is called when clients and topics change, so that an application can keep its own records or
/// forward these events.
///
/// Subscriptions that the server makes itself (`$user:<id>`) are reported like any others. `$all`
/// and `$system`, which every connection receives, are not.
///
/// Ordering: for one topic, calls come in exactly the order in which its members change. For one
/// client, `connected` comes first and `disconnected` last, each once. Between different topics,
/// or different clients, there is no order.
///
/// Panics: a panic is caught, logged and counted. The hub continues, and that call is lost.
///
/// Locks: **every method must return quickly and must not call the server.** It runs under the
/// lock of the client or topic that it is about, often on a shard's task. Until it returns, no
/// client can join or leave that topic and nothing can be published to it; a call that needs the
/// same lock would never return. Increment a counter, or `try_send` to a bounded queue.
#[allow(unused_variables, reason = "the defaults do nothing")]
pub trait Observer: Send + Sync + 'static {
    /// A client has been registered; it may be a member without a connection, see
    /// [`ClientRef::is_attached`].
    fn connected(&self, client: ClientRef<'_>) {}

    /// A client has left all rooms and channels and been removed, however its connection ended.
    fn disconnected(&self, client: ClientRef<'_>) {}

    /// A client has subscribed to a channel. Not called if it was already subscribed.
    fn subscribed(&self, client: ClientRef<'_>, channel: &str) {}

    /// A client's subscription has ended.
    fn unsubscribed(&self, client: ClientRef<'_>, channel: &str) {}

    /// A client has become a member of a room.
    fn joined(&self, client: ClientRef<'_>, room: &str) {}

    /// A client's membership of a room has ended.
    fn left(&self, client: ClientRef<'_>, room: &str) {}

    /// A room or channel is about to get its first member.
    fn occupied(&self, topic: TopicName<'_>) {}

    /// The last member of a room or channel has left.
    fn vacated(&self, topic: TopicName<'_>) {}

    /// A client is being closed because its outbox was full (1013). `disconnected` follows.
    fn evicted(&self, client: ClientRef<'_>) {}
}

/// An observer that the application shares with the server.
impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn connected(&self, client: ClientRef<'_>) {
        (**self).connected(client);
    }
    fn disconnected(&self, client: ClientRef<'_>) {
        (**self).disconnected(client);
    }
    fn subscribed(&self, client: ClientRef<'_>, channel: &str) {
        (**self).subscribed(client, channel);
    }
    fn unsubscribed(&self, client: ClientRef<'_>, channel: &str) {
        (**self).unsubscribed(client, channel);
    }
    fn joined(&self, client: ClientRef<'_>, room: &str) {
        (**self).joined(client, room);
    }
    fn left(&self, client: ClientRef<'_>, room: &str) {
        (**self).left(client, room);
    }
    fn occupied(&self, topic: TopicName<'_>) {
        (**self).occupied(topic);
    }
    fn vacated(&self, topic: TopicName<'_>) {
        (**self).vacated(topic);
    }
    fn evicted(&self, client: ClientRef<'_>) {
        (**self).evicted(client);
    }
}

/// The observer of a hub, if it has one. Without one, a call costs a branch.
#[derive(Clone, Default)]
pub struct Observers(Option<Arc<dyn Observer>>);

impl Observers {
    /// A single observer.
    pub fn one(observer: Arc<dyn Observer>) -> Self {
        Self(Some(observer))
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let observer = if self.0.is_some() { "one" } else { "none" };
        write!(f, "Observers({observer})")
    }
}

/// Calls the observer on behalf of the hub's parts.
#[derive(Debug, Clone)]
pub(super) struct Notifier {
    observers: Observers,
    metrics: Arc<Metrics>,
}

impl Notifier {
    pub(super) fn new(observers: Observers, metrics: Arc<Metrics>) -> Self {
        Self { observers, metrics }
    }

    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Calls the observer, if there is one. A panic is caught, so that it does not affect the
    /// locks that are held.
    #[inline]
    pub(super) fn notify(&self, call: impl FnOnce(&dyn Observer)) {
        if let Some(observer) = &self.observers.0 {
            let result = catch_unwind(AssertUnwindSafe(|| call(&**observer)));
            if result.is_err() {
                self.record_panic();
            }
        }
    }

    #[cold]
    fn record_panic(&self) {
        self.metrics.observer_panics_total.add(1);
        let panics = self.metrics.observer_panics_total.get();
        // An observer that always panics must not flood the log.
        if panics.is_power_of_two() {
            tracing::error!(panics, "the observer panicked; its call is lost");
        }
    }
}
