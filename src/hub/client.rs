//! The state of one client, shared by the registry, its shard and its connection's task.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwapOption;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use uuid::Uuid;

use super::client_info::{ClientInfo, ClientRef, Transport};
use super::log::Owner;
use super::peer_address::PeerAddress;
use super::topic::{Person, Topic};
use super::topic_list::TopicList;
use crate::dialect::ClassId;
use crate::protocol::{Identity, UserId};

/// How far a client's connection has been closed. Only its shard advances it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
#[repr(u8)]
pub enum Phase {
    /// Messages flow.
    Open = 0,
    /// A Close frame has been queued; nothing follows it.
    Closing = 1,
    /// The shard has dropped the connection.
    Closed = 2,
}

/// One client. There is one per connection, so its size matters; a test below limits it.
#[derive(Debug)]
pub struct Client {
    id: Uuid,
    /// Replaced when the client authenticates again. Its user, once it has one, stays.
    identity: ArcSwapOption<Identity>,
    remote: PeerAddress,
    /// The transport of the connection; `None` if the client has no connection.
    transport: Option<Transport>,
    class: ClassId,
    /// When the client connected, in nanoseconds since the Unix epoch.
    since: u64,
    /// The shard that owns the connection.
    pub(super) shard: usize,
    /// The connection's slot in its shard; only the shard reads and writes it.
    pub(super) slot: AtomicU32,
    phase: AtomicU8,
    /// A sign of life since the last ping was due; set by the connection's task.
    has_answered: AtomicBool,
    /// Bytes of replies to the client that have not been written yet, and whether its task waits for
    /// that; only `replies.rs` reads and writes it.
    pub(super) reply_bytes: AtomicUsize,
    messages_in: AtomicU64,
    bytes_in: AtomicU64,
    /// The connection's task, woken when the phase changes.
    task: AtomicWaker,
    /// The only record of which topics the client is in. Lock order: this, then a topic's
    /// state.
    pub(super) memberships: Mutex<Memberships>,
}

/// The topics a client is in.
#[derive(Debug, Default)]
pub(super) struct Memberships {
    /// The client has disconnected and can join nothing more.
    pub(super) ended: bool,
    /// Every membership has ended, and the observer gets no more calls about the client.
    pub(super) gone: bool,
    /// The code with which the connection is closed. It is here because the alignment leaves room
    /// for it.
    close_code: Option<u16>,
    pub(super) topics: TopicList,
}

impl Memberships {
    pub(super) fn contains(&self, topic: &Topic) -> bool {
        let mut topics = self.topics.iter();
        topics.any(|member| std::ptr::eq(Arc::as_ptr(member), topic))
    }

    pub(super) fn position(&self, topic: &Arc<Topic>) -> Option<usize> {
        self.topics
            .iter()
            .rposition(|member| Arc::ptr_eq(member, topic))
    }
}

/// The slot of a client that its shard has released.
pub(super) const NO_SLOT: u32 = u32::MAX;
/// The slot of a client that its shard has not taken over yet.
pub(super) const NO_SLOT_YET: u32 = u32::MAX - 1;

impl Client {
    pub(super) fn new(id: Uuid, info: ClientInfo, shard: usize, attached: bool) -> Self {
        Self {
            id,
            identity: ArcSwapOption::new(info.identity),
            remote: info.remote.into(),
            transport: attached.then_some(info.transport),
            class: info.class,
            since: nanoseconds(SystemTime::now()),
            shard,
            slot: AtomicU32::new(NO_SLOT_YET),
            phase: AtomicU8::new(Phase::Open as u8),
            has_answered: AtomicBool::new(false),
            reply_bytes: AtomicUsize::new(0),
            messages_in: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            task: AtomicWaker::new(),
            memberships: Mutex::default(),
        }
    }

    /// The client's id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Who the client is now; `None` for an anonymous client.
    pub fn identity(&self) -> Option<Arc<Identity>> {
        self.identity.load_full()
    }

    /// Replaces the identity. The caller makes sure that the user stays the same.
    pub fn set_identity(&self, identity: Arc<Identity>) {
        self.identity.store(Some(identity));
    }

    /// Gives a user to a client that has none and is in no topic but the user's own channel: others count
    /// members by their users, so that of a member stays. Returns whether the client has it now.
    pub fn become_user(&self, identity: Arc<Identity>) -> bool {
        // Held so that it cannot join anything meanwhile.
        let memberships = self.memberships.lock();
        let is_elsewhere = memberships.topics.len() > 1;
        if !is_elsewhere {
            self.identity.store(Some(identity));
        }
        !is_elsewhere
    }

    /// The authenticated user.
    pub fn user(&self) -> Option<UserId> {
        self.identity.load().as_ref()?.user().cloned()
    }

    /// The client as its topics know it.
    pub(super) fn person(&self) -> Person {
        Person {
            id: self.id,
            shard: self.shard,
            user: self.user(),
        }
    }

    /// Whose share of the history budget the client uses. A user's clients share one.
    pub(super) fn owner(&self) -> Owner {
        self.user()
            .map_or(Owner::Client(self.id), |user| Owner::user(user.as_str()))
    }

    /// The client as policies see it, with the [`identity`](Self::identity) that it has now.
    pub fn view<'a>(&'a self, identity: Option<&'a Identity>) -> ClientRef<'a> {
        ClientRef {
            id: self.id,
            identity,
            remote: self.remote(),
            transport: self.transport(),
            is_attached: self.is_attached(),
        }
    }

    /// Calls `f` with the client as observers see it.
    pub fn with_view<T>(&self, f: impl FnOnce(ClientRef<'_>) -> T) -> T {
        f(self.view(self.identity().as_deref()))
    }

    /// Whether the client has a connection. A client without one is driven by the
    /// application through the library.
    pub fn is_attached(&self) -> bool {
        self.transport.is_some()
    }

    /// The name shown to other clients: the user if there is one, otherwise the client id.
    pub fn display_name(&self) -> String {
        self.user()
            .map_or_else(|| self.id.to_string(), |user| user.to_string())
    }

    /// The peer's address.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote.get()
    }

    /// The connection's transport.
    pub fn transport(&self) -> Transport {
        self.transport.unwrap_or_default()
    }

    /// How the connection takes frames.
    pub fn class(&self) -> ClassId {
        self.class
    }

    /// When the client connected.
    pub fn since(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.since)
    }

    /// The number of messages received from the client, and of the payload bytes in them.
    pub fn received(&self) -> (u64, u64) {
        (
            self.messages_in.load(Ordering::Relaxed),
            self.bytes_in.load(Ordering::Relaxed),
        )
    }

    /// Counts one message received from the client.
    pub fn count_received(&self, bytes: usize) {
        self.messages_in.fetch_add(1, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Records that the peer gave a sign of life: a pong, or that it took what was written.
    pub fn record_pong(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
    }

    /// Whether the peer has given a sign of life since this was last called.
    pub(super) fn take_answer(&self) -> bool {
        self.has_answered.swap(false, Ordering::Relaxed)
    }

    /// How far the connection has been closed.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Open,
            1 => Phase::Closing,
            _ => Phase::Closed,
        }
    }

    /// Sets the phase and wakes the connection's task.
    pub(super) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
        self.task.wake();
    }

    /// Wakes the connection's task.
    pub(super) fn wake_task(&self) {
        self.task.wake();
    }

    /// Registers the waker of the connection's task, which is woken when the phase changes.
    pub fn register_task(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// The code with which the connection is or was closed, by either side. `None` if there was no
    /// Close.
    pub fn close_code(&self) -> Option<u16> {
        self.memberships.lock().close_code
    }

    /// Records the code of a Close frame that is about to be queued, or that answers the peer's. The
    /// first code stays.
    pub fn record_close(&self, code: u16) {
        self.memberships.lock().close_code.get_or_insert(code);
    }

    /// Records the code of a Close frame of the shard's own. It overtakes one that still waits in the
    /// mailbox, so it replaces that one's code.
    pub(super) fn record_own_close(&self, code: u16) {
        self.memberships.lock().close_code = Some(code);
    }

    /// Waits for a [`connect`](super::Hub::connect) that has registered the client and is about to
    /// hand it to its shard. What is sent before that would be lost. It takes a moment and never
    /// awaits anything.
    pub(super) fn wait_until_connected(&self) {
        drop(self.memberships.lock());
    }

    /// Calls `f` unless the client is [gone](Memberships::gone).
    pub(super) fn unless_gone(&self, f: impl FnOnce(ClientRef<'_>)) {
        let memberships = self.memberships.lock();
        if !memberships.gone {
            self.with_view(f);
        }
    }

    /// The topics the client is in.
    pub fn topics(&self) -> Vec<Arc<Topic>> {
        self.memberships.lock().topics.to_vec()
    }

    /// Whether the client is in the topic.
    pub fn is_member(&self, topic: &Arc<Topic>) -> bool {
        self.memberships.lock().position(topic).is_some()
    }
}

/// The time since the Unix epoch. It fits until the year 2554.
fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the two counters of its `Arc`, it fits into 160 bytes.
    #[test]
    fn a_client_is_small() {
        assert!(size_of::<Client>() <= 144);
    }

    #[test]
    fn of_several_close_codes_the_first_stays_unless_the_shard_closes_itself() {
        let client = Client::new(Uuid::nil(), ClientInfo::default(), 0, true);
        assert_eq!(client.close_code(), None);
        client.record_close(1001);
        client.record_close(1000);
        assert_eq!(client.close_code(), Some(1001));
        client.record_own_close(1013);
        client.record_close(1000);
        assert_eq!(client.close_code(), Some(1013));
    }

    #[test]
    fn the_time_of_connecting_is_kept_exactly() {
        let now = SystemTime::now();
        assert_eq!(UNIX_EPOCH + Duration::from_nanos(nanoseconds(now)), now);
    }
}
