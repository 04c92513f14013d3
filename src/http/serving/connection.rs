//! One HTTP connection.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::options::ServeOptions;
use super::slots::HttpSlot;
use crate::http::problem::ApiError;
use crate::protocol::ErrorCode;
use crate::transport::sse::{Handover, Offer};
use crate::transport::{HttpResponses, HttpSocket};

const MAX_HEADERS: usize = 64;
/// Maximum size of a request's header section, in bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// How long a request may take, including its body.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection has to finish its request when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection beyond the maximum may take to send its request.
const EXTRA_TIMEOUT: Duration = Duration::from_secs(1);
/// The paths that are answered on a connection beyond the maximum.
const HEALTH_PATHS: [&str; 3] = ["/healthz", "/readyz", "/health"];

/// The response to a connection that is closed without reading its request.
pub(super) const SHED_RESPONSE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";

/// Answers requests until the connection ends or becomes a WebSocket or an event stream.
pub(super) async fn serve_connection(
    (stream, peer): (TcpStream, SocketAddr),
    slot: HttpSlot,
    router: Router,
    options: ServeOptions,
    stop: CancellationToken,
) {
    let handover = Handover::default();
    let socket = HttpSocket::new(stream, handover.clone(), options.write_timeout);
    let responses = socket.responses();
    let (is_extra, slot) = (slot.is_extra(), Arc::new(slot));
    let request_slot = slot.clone();
    let (request_handover, response_mode) = (handover.clone(), responses.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request_slot.keep();
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(request_handover.clone());
        let (router, response_mode) = (router.clone(), response_mode.clone());
        async move {
            if is_extra && !HEALTH_PATHS.contains(&request.uri().path()) {
                let detail = "the server has its maximum number of HTTP connections";
                let refusal = ApiError::new(ErrorCode::TooManyConnections, detail);
                return Ok(refusal.into_response());
            }
            let response = respond(router, request).await;
            if let Ok(response) = &response
                && response.status() == StatusCode::SWITCHING_PROTOCOLS
            {
                response_mode.write_directly();
            }
            response
        }
    });
    let header_timeout = if is_extra {
        options.header_timeout.min(EXTRA_TIMEOUT)
    } else {
        options.header_timeout
    };
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .keep_alive(!is_extra)
        .max_headers(MAX_HEADERS)
        // The buffer size alone does not reject a longer header that arrives in one piece.
        .max_header_size(MAX_HEADER_BYTES)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let offer = tokio::select! {
        offer = until_ended(&mut connection, &handover, &responses) => offer,
        () = slot.lost() => return,
        () = stop.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            let ended = until_ended(&mut connection, &handover, &responses);
            timeout(STOP_TIMEOUT, ended).await.ok().flatten()
        }
    };
    if let (Some(offer), Some(parts)) = (offer, connection.into_parts()) {
        // The rest of the HTTP connection is dropped, and its buffers with it.
        if let Some(socket) = parts.io.into_inner().into_inner() {
            offer.accept(socket);
        }
    }
    drop(slot);
}

/// Runs a connection until it ends or an event stream takes over its socket.
async fn until_ended(
    connection: &mut (impl Future + Unpin),
    handover: &Handover,
    responses: &HttpResponses,
) -> Option<Offer> {
    poll_fn(|cx| {
        // An error ends only this connection, so it is ignored.
        let mut ended = Pin::new(&mut *connection).poll(cx).is_ready();
        // hyper waits for something; its responses must not wait with it.
        ended |= matches!(responses.poll_drain(cx), Poll::Ready(Err(_)));
        match handover.take() {
            Some(offer) => Poll::Ready(Some(offer)),
            None if ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    })
    .await
}

/// Passes a request to the router, with a timeout.
async fn respond(
    mut router: Router,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    match timeout(REQUEST_TIMEOUT, router.call(request.map(Body::new))).await {
        Ok(response) => response,
        Err(_elapsed) => {
            let code = ErrorCode::RequestTimeout;
            Ok(ApiError::new(code, "the request took too long").into_response())
        }
    }
}
