//! A connection that was allowed and is not established yet.

use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use uuid::Uuid;

use super::addresses::AddressPlace;
use super::authenticated::authenticated;
use super::policy::{Policy, log_panic};
use crate::dialect::Dialects;
use crate::hub::{ClientInfo, ClientRef};
use crate::protocol::Json;
use crate::wire::Frame;

/// The number of connections that are to be decided or made.
#[derive(Debug, Default)]
pub(super) struct AwaitingConnections(Arc<AtomicUsize>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    all: Arc<AtomicUsize>,
    /// The number of those that came before.
    pub(super) ahead: usize,
}

impl AwaitingConnections {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self) -> Place {
        let ahead = self.0.fetch_add(1, Ordering::Relaxed);
        let all = self.0.clone();
        Place { all, ahead }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that the policy has allowed. If it is dropped without being connected, the
/// policy's `disconnect` is called.
#[must_use]
pub struct Admission {
    policy: Arc<dyn Policy>,
    id: Uuid,
    info: ClientInfo,
    place: Option<Place>,
    /// Among the connections of its address.
    address_place: Option<AddressPlace>,
    /// The first frame that the client receives.
    greeting: Option<Frame>,
    is_connected: bool,
}

impl Admission {
    pub(super) fn new(
        policy: Arc<dyn Policy>,
        id: Uuid,
        info: ClientInfo,
        (place, address_place): (Place, AddressPlace),
    ) -> Self {
        Self {
            policy,
            id,
            place: Some(place),
            address_place: Some(address_place).filter(|_| info.remote.is_some()),
            info,
            greeting: None,
            is_connected: false,
        }
    }

    /// Whether its address was not known when it was allowed.
    pub(super) fn is_from_nowhere(&self) -> bool {
        self.address_place.is_none()
    }

    /// Counts it among the connections of its address.
    pub(super) fn set_address_place(&mut self, place: AddressPlace) {
        self.address_place = Some(place);
    }

    /// From now on the hub counts the connection.
    pub(super) fn leave_queue(&mut self) {
        self.place = None;
    }

    /// The client gets `authenticated` before anything else, as the answer to its command `auth`.
    pub fn greet_as_authenticated(&mut self, dialects: Dialects, reply_to: Option<&Json>) {
        let message = authenticated(self.info.identity.as_deref(), SystemTime::now());
        self.greeting = Some(dialects.of(self.info.class).message(&message, reply_to));
    }

    pub(super) fn take_greeting(&mut self) -> Option<Frame> {
        self.greeting.take()
    }

    /// The id of the future client.
    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// What is known about the future client.
    pub fn info(&self) -> &ClientInfo {
        &self.info
    }

    /// Marks the connection as established: from now on, the end of the client calls the
    /// policy's `disconnect`.
    pub(super) fn connected(mut self) {
        self.is_connected = true;
        if let Some(place) = self.address_place.take() {
            place.pass_on();
        }
    }

    /// Sets the peer's address, if it becomes known only after the policy was asked. One that a proxy
    /// has forwarded stays.
    pub fn set_remote(&mut self, remote: Option<SocketAddr>) {
        self.info.remote = self.info.remote.or(remote.map(unmapped));
    }
}

/// The address as people know it: an IPv6 socket shows IPv4 peers as `::ffff:192.0.2.1`.
pub(super) fn unmapped(address: SocketAddr) -> SocketAddr {
    let v4 = match address {
        SocketAddr::V6(v6) => v6.ip().to_ipv4_mapped(),
        SocketAddr::V4(_) => None,
    };
    v4.map_or(address, |v4| (v4, address.port()).into())
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("id", &self.id)
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if !self.is_connected {
            notify_disconnect(&*self.policy, ClientRef::new(self.id, &self.info, true));
        }
    }
}

/// Calls the policy's `disconnect`. A panic is caught, so that the cleanup continues.
pub(super) fn notify_disconnect(policy: &dyn Policy, client: ClientRef<'_>) {
    if catch_unwind(AssertUnwindSafe(|| policy.disconnect(client))).is_err() {
        log_panic("a disconnect");
    }
}
