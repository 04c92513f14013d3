//! A connection that was allowed and is not established yet.

use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use uuid::Uuid;

use super::policy::{Policy, log_panic};
use crate::hub::{ClientInfo, ClientRef};

/// A connection that the policy has allowed. If it is dropped without being connected, the
/// policy's `disconnect` is called.
#[must_use]
pub struct Admission {
    policy: Arc<dyn Policy>,
    id: Uuid,
    info: ClientInfo,
    is_connected: bool,
}

impl Admission {
    pub(super) fn new(policy: Arc<dyn Policy>, id: Uuid, info: ClientInfo) -> Self {
        Self {
            policy,
            id,
            info,
            is_connected: false,
        }
    }

    /// The id of the future client.
    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// What is known about the future client.
    pub(super) fn info(&self) -> &ClientInfo {
        &self.info
    }

    /// Marks the connection as established: from now on, the end of the client calls the
    /// policy's `disconnect`.
    pub(super) fn connected(mut self) {
        self.is_connected = true;
    }

    /// Sets the peer's address, where it becomes known only after the policy was asked.
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
