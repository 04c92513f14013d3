//! Building a server with the application's policy and observer.

use std::fmt;
use std::sync::Arc;

use crate::config::{ConfigError, WebSocketConfig};
use crate::hub::{Observer, Observers};
use crate::node::policy::Policy;
use crate::server::WebSocketServer;

/// Builds a [`WebSocketServer`]; created by [`WebSocketServer::builder`].
#[must_use]
pub struct ServerBuilder {
    config: WebSocketConfig,
    policy: Option<Arc<dyn Policy>>,
    observers: Observers,
}

impl WebSocketServer {
    /// Builds a server with a [`Policy`], which decides what clients may do, or an
    /// [`Observer`], which is notified of what they did.
    ///
    /// ```
    /// use wavecast::policy::{Decision, ErrorCode, Join, Policy, Terms};
    /// use wavecast::{Observer, WebSocketConfig, WebSocketServer};
    ///
    /// struct MembersOnly;
    /// impl Policy for MembersOnly {
    ///     fn join<'a>(&'a self, asked: Join<'a>) -> Decision<'a, Terms> {
    ///         match asked.client.user() {
    ///             Some(_) => Decision::allow(),
    ///             None => Decision::refuse(ErrorCode::Forbidden),
    ///         }
    ///     }
    /// }
    ///
    /// struct Log;
    /// impl Observer for Log {}
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = WebSocketServer::builder(WebSocketConfig::default())
    ///     .policy(MembersOnly)
    ///     .observer(Log)
    ///     .build()?;
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(config: WebSocketConfig) -> ServerBuilder {
        ServerBuilder {
            config,
            policy: None,
            observers: Observers::default(),
        }
    }
}

impl ServerBuilder {
    /// Sets the policy: by value, or in an `Arc` that the application shares. Default:
    /// everything is allowed.
    pub fn policy(mut self, policy: impl Policy) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Sets the observer: by value, or in an `Arc` that the application shares. Default: none.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observers = Observers::one(Arc::new(observer));
        self
    }

    /// Starts the server on the current Tokio runtime.
    ///
    /// Errors: the configuration is invalid.
    ///
    /// Panics: outside a Tokio runtime.
    pub fn build(self) -> Result<WebSocketServer, ConfigError> {
        WebSocketServer::assemble(self.config, self.observers, self.policy)
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("config", &self.config)
            .field("observers", &self.observers)
            .finish_non_exhaustive()
    }
}
