//! What the API's handlers share.

use std::sync::Arc;
#[cfg(feature = "tls")]
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio_util::task::TaskTracker;

use super::lists::Lists;
use crate::http::access::ApiAccess;
use crate::http::body::BodyBudget;
use crate::node::Node;
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
