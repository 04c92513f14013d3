//! Which listener answers what, and who may call the API.

use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpListener;

use super::cors;
use crate::auth::{ApiKey, ApiKeys};
use crate::http::{ApiAccess, LocalOnly, Routes};
use crate::server::WebSocketServer;
use crate::transport::tls::TlsAcceptor;

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

/// Sockets with what they answer requests with.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) sockets: Vec<TcpListener>,
    /// How they speak TLS, if they do.
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) routes: Routes,
}

impl ApiOptions {
    /// What is listened on. The API is on `internal`, if there is one, which speaks no TLS: it is for
    /// this machine, or for a network of one's own.
    pub(super) fn listening(
        self,
        server: &Arc<WebSocketServer>,
        (public, tls): (Vec<TcpListener>, Option<TlsAcceptor>),
        internal: Option<Vec<TcpListener>>,
    ) -> Vec<Listening> {
        let cors = cors::layer(&self.cors_origins, self.has_tokens || !self.keys.is_empty());
        let access = if !self.keys.is_empty() {
            ApiAccess::Keys(ApiKeys::new(self.keys, Instant::now()))
        } else if self.dev {
            ApiAccess::Open
        } else {
            ApiAccess::Local(LocalOnly::with_origins(&self.cors_origins))
        };
        let api = server.api(access);
        if let Some(tls) = &tls {
            // It is new, so nothing is set.
            let _ = api.tls.set(tls.stats().clone());
        }
        let whole = server.router_of(api.clone());
        let with_api = match &cors {
            // Every response needs the CORS headers.
            Some(cors) => whole.layer(cors.clone()).into(),
            None => Routes::with_short_way(whole, api.clone()),
        };
        let Some(internal) = internal else {
            return vec![Listening {
                sockets: public,
                tls,
                routes: with_api,
            }];
        };
        let without_api = server.router_without_api(api);
        let without_api = match cors {
            Some(cors) => without_api.layer(cors),
            None => without_api,
        };
        let public = Listening {
            sockets: public,
            tls,
            routes: without_api.into(),
        };
        let internal = Listening {
            sockets: internal,
            tls: None,
            routes: with_api,
        };
        vec![public, internal]
    }
}
