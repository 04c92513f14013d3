//! Who is told what happens in the hub.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::client_info::ClientRef;
use super::metrics::Metrics;
use crate::protocol::TopicName;

/// Is told what happens to clients and topics: for an application's own books, or for events
/// that it passes on.
///
/// Ordering: of one topic, exactly the order in which its members change. Of one client,
/// `connected` comes first and `disconnected` last, each once. Between different topics, and
/// between different clients, there is no order.
///
/// **Every method must return quickly and must not call the server.** It runs under the locks
/// of the client or topic that it is about, often on a shard's task: meanwhile nobody joins or
/// leaves that topic and no publication enters it, and a call that needs the same lock never
/// returns. Count, or put what happened into a bounded queue with a `try_send`.
///
/// Panics: a method that panics is caught, logged and counted; the hub goes on, and the
/// observer has missed that call.
///
/// Subscriptions that the server makes by itself are told like others (`$user:<id>`). `$all`
/// and `$system`, which every connection receives, are not.
#[allow(unused_variables, reason = "the defaults ignore what they are told")]
pub trait Observer: Send + Sync + 'static {
    /// A client is known. Also told of members without a connection; see
    /// [`ClientRef::is_attached`].
    fn connected(&self, client: ClientRef<'_>) {}

    /// A client has left everything and is not known any more, however its connection ended.
    fn disconnected(&self, client: ClientRef<'_>) {}

    /// A client has subscribed to a channel that it was not subscribed to.
    fn subscribed(&self, client: ClientRef<'_>, channel: &str) {}

    /// A client's subscription has ended.
    fn unsubscribed(&self, client: ClientRef<'_>, channel: &str) {}

    /// A client has become a member of a room.
    fn joined(&self, client: ClientRef<'_>, room: &str) {}

    /// A client's membership of a room has ended.
    fn left(&self, client: ClientRef<'_>, room: &str) {}

    /// A room or channel is about to get its first member.
    fn occupied(&self, topic: TopicName<'_>) {}

    /// The last member of a room or channel has gone.
    fn vacated(&self, topic: TopicName<'_>) {}

    /// A client is being closed because its outbox was full (1013). `disconnected` follows.
    fn evicted(&self, client: ClientRef<'_>) {}
}

/// An observer that the application keeps too.
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

/// The observer of a hub, if it has one. Without one, telling costs a branch.
#[derive(Clone, Default)]
pub struct Observers(Option<Arc<dyn Observer>>);

impl Observers {
    /// Tells this observer.
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

/// How the hub's parts tell its observer.
#[derive(Debug, Clone)]
pub(super) struct Teller {
    observers: Observers,
    metrics: Arc<Metrics>,
}

impl Teller {
    pub(super) fn new(observers: Observers, metrics: Arc<Metrics>) -> Self {
        Self { observers, metrics }
    }

    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Calls the observer, if there is one. Whatever lock is held stays sound: a panic ends
    /// here.
    #[inline]
    pub(super) fn tell(&self, what: impl FnOnce(&dyn Observer)) {
        if let Some(observer) = &self.observers.0 {
            let told = catch_unwind(AssertUnwindSafe(|| what(&**observer)));
            if told.is_err() {
                self.note_panic();
            }
        }
    }

    #[cold]
    fn note_panic(&self) {
        self.metrics.observer_panics_total.add(1);
        let panics = self.metrics.observer_panics_total.get();
        // An observer that always panics must not flood the log.
        if panics.is_power_of_two() {
            tracing::error!(panics, "the observer panicked and missed what it was told");
        }
    }
}
