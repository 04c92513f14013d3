//! What the API's handlers share.

use std::net::SocketAddr;
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use axum::http::Request;
use tokio_util::task::TaskTracker;

use super::lists::Lists;
use crate::http::access::{ApiAccess, Publisher, Scope};
use crate::http::body::BodyBudget;
use crate::http::problem::ApiError;
use crate::node::Node;
use crate::transport::ClientAddress;
#[cfg(feature = "tls")]
use crate::transport::tls::TlsStats;

/// The state that the API's handlers share.
#[derive(Debug)]
pub struct Api {
    /// The node behind the API.
    pub node: Arc<Node>,
    /// Who may call it.
    pub access: ApiAccess,
    /// Maximum size of a request body, in bytes.
    pub max_body_bytes: usize,
    /// Bytes that the bodies of all requests share.
    pub bodies: Arc<BodyBudget>,
    /// The tasks of the server.
    pub tasks: TaskTracker,
    /// The lists that the server makes.
    pub lists: Arc<Lists>,
    /// What its listener's TLS has done, if it has TLS.
    #[cfg(feature = "tls")]
    pub tls: OnceLock<Arc<TlsStats>>,
    /// When the server started.
    pub started: Instant,
    /// Time between two pings to a client, for the statistics.
    pub ping_interval: Duration,
    /// How long a client may take to answer a ping, for the statistics.
    pub pong_timeout: Duration,
}

impl Api {
    /// Checks whether a request may use a route that needs this scope. A key that is refused counts for
    /// the address of its client: after too many, none from there is looked at.
    ///
    /// Errors: those of [`ApiAccess`], and 429.
    pub(in crate::http) fn admit<B>(
        &self,
        scope: Scope,
        request: &Request<B>,
        peer: Option<SocketAddr>,
    ) -> Result<Publisher, ApiError> {
        if !self.access.takes_key_of(request) {
            return self.access.admit(scope, request, peer);
        }
        let client = ClientAddress::of(request.extensions()).or(peer);
        self.node.may_authenticate(client)?;
        let admitted = self.access.admit(scope, request, peer);
        if admitted.as_ref().is_err_and(ApiError::is_unauthenticated) {
            self.node.record_failed_auth(client);
        }
        admitted
    }
}
