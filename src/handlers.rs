//! The handlers that an application mounts, and the whole server as one router.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::{any, get};

use crate::checked_origin::CheckedOrigin;
use crate::http::{self, Api, ApiAccess};
use crate::protocol::{ErrorCode, Identity, NOT_TEXT, Refusal, UserId, decodes_to_text};
use crate::server::WebSocketServer;
use crate::transport::sse::{self, SseRequest};
use crate::transport::websocket::{self, WebSocketUpgrade};

impl WebSocketServer {
    /// The whole server as one router: `/ws`, `/sse`, the HTTP API, health, the JavaScript client and,
    /// unless [`start_page`](crate::WebSocketConfig::start_page) is off, the start page.
    ///
    /// Everyone who reaches it may call the HTTP API: put what decides that in front of it, such as
    /// a layer of the application.
    pub fn router(self: &Arc<Self>) -> Router {
        self.router_of(self.api(ApiAccess::Open))
    }

    /// The whole server as one router, with this API.
    pub(crate) fn router_of(self: &Arc<Self>, api: Arc<Api>) -> Router {
        let has_start_page = self.config().start_page;
        self.client_routes()
            .merge(http::router(api, has_start_page))
    }

    /// What clients need, as one router: all but the API and the start page.
    #[cfg(feature = "cli")]
    pub(crate) fn router_without_api(self: &Arc<Self>, api: Arc<Api>) -> Router {
        self.client_routes().merge(http::router_without_api(api))
    }

    fn client_routes(self: &Arc<Self>) -> Router {
        Router::new()
            // Any method: the handshake's check answers wrong methods with a clear error.
            .route("/ws", any(ws_handler))
            .route("/sse", get(sse_handler).fallback(refuse_method))
            .with_state(self.clone())
    }

    /// Upgrades a request to a WebSocket and serves the connection, for an application whose own
    /// handler decides who connects.
    ///
    /// The origin is not checked; [`CheckedOrigin`] does that. `identity` is an [`Identity`], or `None`
    /// for an anonymous client. An identity in the
    /// request's extensions or address is ignored.
    ///
    /// Errors: the response is a problem (RFC 9457) if the server is draining or full, or if
    /// its policy refuses.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use axum::extract::{Path, State};
    /// use axum::response::Response;
    /// use wavecast::{Identity, UserId, WebSocketServer, WebSocketUpgrade};
    ///
    /// async fn live(
    ///     ws: WebSocketUpgrade,
    ///     Path(name): Path<String>,
    ///     State(server): State<Arc<WebSocketServer>>,
    /// ) -> Response {
    ///     let identity = UserId::new(&name).ok().map(Identity::new);
    ///     server.upgrade(ws, identity).await
    /// }
    /// # drop(axum::Router::new().route("/live/{name}", axum::routing::get(live)));
    /// ```
    pub async fn upgrade(
        &self,
        ws: WebSocketUpgrade,
        identity: impl Into<Option<Identity>>,
    ) -> Response {
        match self.try_upgrade(ws, identity.into()).await {
            Ok(response) => response,
            Err(refusal) => http::refuse(refusal),
        }
    }

    async fn try_upgrade(
        &self,
        ws: WebSocketUpgrade,
        identity: Option<Identity>,
    ) -> Result<Response, Refusal> {
        self.node.admit_connection()?;
        self.node.admit_handshake(ws.remote())?;
        let (node, options) = (self.node.clone(), self.config().socket());
        let limits = self.config().wire();
        websocket::accept(node, &self.tasks, ws, identity, (limits, options)).await
    }

    /// Answers a request with an event stream (`?channel=a&channel=b`), for an application
    /// whose own handler decides who connects; see [`sse_handler`] and
    /// [`upgrade`](Self::upgrade).
    pub async fn event_stream(
        &self,
        request: SseRequest,
        identity: impl Into<Option<Identity>>,
    ) -> Response {
        let accepts_stream = request.accepts_event_stream();
        match self.try_event_stream(request, identity.into()).await {
            Ok(response) => response,
            Err(refusal) => refuse_stream(refusal, accepts_stream),
        }
    }

    async fn try_event_stream(
        &self,
        request: SseRequest,
        identity: Option<Identity>,
    ) -> Result<Response, Refusal> {
        self.node.admit_connection()?;
        self.node.admit_handshake(request.remote())?;
        let (node, options) = (self.node.clone(), self.config().socket());
        sse::open(node, &self.tasks, request, identity, options).await
    }

    /// The client's identity: the one that middleware put into the request's extensions, or the
    /// user in the address, if the configuration trusts that.
    fn identify(
        &self,
        authenticated: Option<&Identity>,
        uri: &Uri,
    ) -> Result<Option<Identity>, Refusal> {
        // First, so that a draining or full server says so even if the address is invalid.
        self.node.admit_connection()?;
        if authenticated.is_some() || !self.config().trust_user_parameter {
            return Ok(authenticated.cloned());
        }
        if !uri.query().is_none_or(decodes_to_text) {
            return Err(Refusal::new(ErrorCode::InvalidQuery).with_detail(NOT_TEXT));
        }
        let Query(query) =
            Query::<UpgradeQuery>::try_from_uri(uri).map_err(|_| ErrorCode::InvalidQuery)?;
        let user = query.user.map(|user| UserId::new(&user)).transpose();
        let user = user.map_err(|_| ErrorCode::InvalidUser)?;
        Ok(user.map(Identity::new))
    }
}

#[derive(Debug, serde::Deserialize)]
struct UpgradeQuery {
    user: Option<String>,
}

/// Upgrades a request to a WebSocket and serves the connection. Mount it with
/// `.route("/ws", get(ws_handler))` and the server as state. A page that may not connect is refused
/// before anything else is looked at ([`origins`](crate::WebSocketConfig::origins)).
///
/// The client gets the [`Identity`] that the application's middleware put into the request's
/// extensions; without one it is anonymous.
///
/// `axum::serve` does not wait for WebSockets when it shuts down, so they would end without a Close
/// frame. Await [`drain`](WebSocketServer::drain) at the end of the future that you pass to
/// `with_graceful_shutdown`. [`WebSocketServer::serve`] drains by itself.
pub async fn ws_handler(
    _: CheckedOrigin,
    ws: WebSocketUpgrade,
    State(server): State<Arc<WebSocketServer>>,
) -> Response {
    match server.identify(ws.identity(), ws.uri()) {
        Ok(identity) => server.upgrade(ws, identity).await,
        Err(refusal) => http::refuse(refusal),
    }
}

/// Answers with an event stream (`?channel=a&channel=b`). Mount it with
/// `.route("/sse", get(sse_handler))` and the server as state. The client gets the
/// [`Identity`] in the request's extensions, as with [`ws_handler`].
///
/// Under [`serve`](crate::serve()), the stream leaves the HTTP library once it has begun, and
/// costs as little as a WebSocket. Under any other server, such as `axum::serve`, it is an
/// ordinary body: in addition to the outbox, hyper keeps 16 KiB of buffers for it and accepts
/// up to 408 KiB that a stalled peer does not read. A peer that has vanished is noticed by the
/// kernel, or when these buffers have been full for `pong_timeout`.
///
/// When `axum::serve` shuts down gracefully, an open stream keeps it from returning, and so keeps the
/// process, until [`drain`](WebSocketServer::drain) ends the stream; drain as for [`ws_handler`].
pub async fn sse_handler(
    _: CheckedOrigin,
    request: SseRequest,
    State(server): State<Arc<WebSocketServer>>,
) -> Response {
    match server.identify(request.identity(), request.uri()) {
        Ok(identity) => server.event_stream(request, identity).await,
        Err(refusal) => refuse_stream(refusal, request.accepts_event_stream()),
    }
}

async fn refuse_method(_: CheckedOrigin, uri: Uri) -> Response {
    http::refuse_method(uri).await
}

/// The response to a refused request for an event stream: one that brings browsers back, if there may
/// be a stream later.
fn refuse_stream(refusal: Refusal, accepts_stream: bool) -> Response {
    let later = accepts_stream.then(|| sse::unavailable(&refusal)).flatten();
    later.unwrap_or_else(|| http::refuse(refusal))
}
