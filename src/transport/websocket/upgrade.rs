//! The WebSocket upgrade as an axum extractor, stricter than axum's own.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use tokio_util::task::TaskTracker;

use super::serving::WebSocketConnection;
use super::stream::Stream;
use crate::hub::Client;
use crate::node::policy::TokenOptions;
use crate::protocol::{Identity, PROBLEM_MEDIA_TYPE, Problem, Refusal};
use crate::session::Session;
use crate::transport::client_address::ClientAddress;
use crate::transport::credentials::{Credentials, HeaderTokens, SUBPROTOCOL};
use crate::transport::socket::SocketOptions;
use crate::wire::{AcceptKey, HandshakeError, check_handshake};

/// A WebSocket upgrade request that passed every check of
/// [RFC 6455 §4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1).
#[derive(Debug)]
pub struct WebSocketUpgrade {
    accept_key: AcceptKey,
    on_upgrade: OnUpgrade,
    uri: Uri,
    identity: Option<Identity>,
    tokens: HeaderTokens,
    remote: Option<SocketAddr>,
}

impl WebSocketUpgrade {
    /// The request's URI.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The [`Identity`] that middleware put into the request's extensions.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The token of the request.
    pub(crate) fn credentials(&self, options: &TokenOptions) -> Result<Credentials, Refusal> {
        self.tokens.with_query(&self.uri, options)
    }

    /// The address of the client, if the listener provides it.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// Responds with 101. Once the connection is upgraded, calls `open` with the stream and the
    /// bytes read ahead, and runs the connection that it returns in a task of its own.
    #[doc(hidden)]
    pub fn on_upgrade<F, M, S>(
        self,
        tasks: &TaskTracker,
        options: SocketOptions,
        open: impl FnOnce((Stream, Bytes)) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = Option<WebSocketConnection<M>>> + Send + 'static,
        M: FnOnce(Arc<Client>) -> S + Send + 'static,
        S: Session,
    {
        let on_upgrade = self.on_upgrade;
        let spawner = tasks.clone();
        tasks.spawn(async move {
            let Ok(upgraded) = on_upgrade.await else {
                return;
            };
            let Some((stream, read_ahead)) = Stream::from_upgraded(upgraded) else {
                return;
            };
            if let Some(socket) = stream.tcp() {
                options.apply(socket);
            }
            if let Some(connection) = open((stream, read_ahead)).await {
                // In a new task, so that the memory of this one is freed.
                spawner.spawn(connection.run());
            }
        });
        let headers = [
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::CONNECTION, HeaderValue::from_static("Upgrade")),
            (header::SEC_WEBSOCKET_ACCEPT, self.accept_key.into()),
        ];
        let mut response = (StatusCode::SWITCHING_PROTOCOLS, headers).into_response();
        if self.tokens.offers_native {
            // A browser fails unless one of the subprotocols that it offers is chosen.
            let chosen = HeaderValue::from_static(SUBPROTOCOL);
            let headers = response.headers_mut();
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, chosen);
        }
        response
    }
}

/// Why a request was not upgraded.
#[derive(Debug)]
pub enum Rejection {
    /// The request is not a valid opening handshake.
    Handshake(HandshakeError),
    /// The HTTP server cannot upgrade this connection.
    NotUpgradable,
    /// The client offers a token as a subprotocol, and none that the answer could name.
    Subprotocol,
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let (status, code, title, detail, headers) = match &self {
            Self::Handshake(error) => (
                error.status(),
                error.code(),
                error.title(),
                error.to_string(),
                error.headers(),
            ),
            Self::NotUpgradable => (
                StatusCode::BAD_REQUEST,
                "not_upgradable",
                "Not upgradable",
                "this connection cannot be upgraded".to_owned(),
                HeaderMap::new(),
            ),
            Self::Subprotocol => (
                StatusCode::BAD_REQUEST,
                "invalid_subprotocol",
                "Invalid subprotocol",
                "offer the subprotocol `wavecast` too, beside the one with the token".to_owned(),
                HeaderMap::new(),
            ),
        };
        let problem = Problem {
            code,
            title,
            status: status.as_u16(),
            detail: &detail,
        };
        let media_type = [(header::CONTENT_TYPE, PROBLEM_MEDIA_TYPE)];
        (
            status,
            headers,
            media_type,
            Problem::PROTECTION,
            problem.to_json(),
        )
            .into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let accept_key = check_handshake(&parts.method, parts.version, &parts.headers)
            .map_err(Rejection::Handshake)?;
        let tokens = HeaderTokens::read(&parts.headers);
        if tokens.offers_only_a_token() {
            return Err(Rejection::Subprotocol);
        }
        let on_upgrade = parts
            .extensions
            .remove::<OnUpgrade>()
            .ok_or(Rejection::NotUpgradable)?;
        Ok(Self {
            accept_key,
            on_upgrade,
            uri: parts.uri.clone(),
            identity: parts.extensions.get().cloned(),
            tokens,
            remote: ClientAddress::of(&parts.extensions),
        })
    }
}
