//! Which listener answers what, and who may call the API.

use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpListener;

use super::cors;
use crate::auth::{ApiKey, ApiKeys};
use crate::http::{ApiAccess, LocalOnly, Routes};
use crate::server::WebSocketServer;

/// The configuration of the API.
#[derive(Debug)]
pub(super) struct ApiOptions {
    /// Whether everyone may call it, as long as there are no keys.
    pub(super) dev: bool,
    pub(super) keys: Vec<ApiKey>,
    /// Whether clients bring tokens, which are in `Authorization` too.
    pub(super) has_tokens: bool,
    /// Web origins whose pages may call it.
    pub(super) cors_origins: Vec<String>,
}

impl ApiOptions {
    /// The sockets with what they answer requests with. The API is on `internal`, if there is one.
    pub(super) fn listening(
        self,
        server: &Arc<WebSocketServer>,
        public: Vec<TcpListener>,
        internal: Option<Vec<TcpListener>>,
    ) -> Vec<(Vec<TcpListener>, Routes)> {
        let cors = cors::layer(&self.cors_origins, self.has_tokens || !self.keys.is_empty());
        let access = if !self.keys.is_empty() {
            ApiAccess::Keys(ApiKeys::new(self.keys, Instant::now()))
        } else if self.dev {
            ApiAccess::Open
        } else {
            ApiAccess::Local(LocalOnly::with_origins(&self.cors_origins))
        };
        let api = server.api(access);
        let whole = server.router_of(api.clone());
        let with_api = match &cors {
            // Every response needs the CORS headers.
            Some(cors) => whole.layer(cors.clone()).into(),
            None => Routes::with_short_way(whole, api.clone()),
        };
        let Some(internal) = internal else {
            return vec![(public, with_api)];
        };
        let without_api = server.router_without_api(api);
        let without_api = match cors {
            Some(cors) => without_api.layer(cors),
            None => without_api,
        };
        vec![(public, without_api.into()), (internal, with_api)]
    }
}
