//! A connection that may be made and is not made yet.

use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use uuid::Uuid;

use super::policy::{Policy, note_panic};
use crate::hub::{ClientInfo, ClientRef};

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

/// A connection that the policy has allowed. If it is dropped instead of connected, the policy
/// is told that it has ended.
#[must_use]
pub struct Admission {
    policy: Arc<dyn Policy>,
    id: Uuid,
    info: ClientInfo,
    place: Option<Place>,
    is_connected: bool,
}

impl Admission {
    pub(super) fn new(policy: Arc<dyn Policy>, id: Uuid, info: ClientInfo, place: Place) -> Self {
        Self {
            policy,
            id,
            info,
            place: Some(place),
            is_connected: false,
        }
    }

    /// From now on the hub counts the connection.
    pub(super) fn leave_queue(&mut self) {
        self.place = None;
    }

    /// The id that the client will have.
    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// Who connects.
    pub(super) fn info(&self) -> &ClientInfo {
        &self.info
    }

    /// From now on the client's own end is what the policy is told.
    pub(super) fn connected(mut self) {
        self.is_connected = true;
    }

    /// Notes from where the connection comes, if that is known only now.
    pub fn set_remote(&mut self, remote: Option<SocketAddr>) {
        self.info.remote = remote.or(self.info.remote);
    }
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
            tell_end(&*self.policy, ClientRef::new(self.id, &self.info, true));
        }
    }
}

/// Tells the policy of a connection's end. A panic ends here: the cleanup goes on.
pub(super) fn tell_end(policy: &dyn Policy, client: ClientRef<'_>) {
    if catch_unwind(AssertUnwindSafe(|| policy.disconnect(client))).is_err() {
        note_panic("the end of a connection");
    }
}
