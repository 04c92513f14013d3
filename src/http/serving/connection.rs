//! One HTTP connection.

use std::future::{poll_fn, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::options::ServeOptions;
use super::routes::{Routes, publish};
use super::slots::HttpSlot;
use crate::http::problem::ApiError;
use crate::protocol::ErrorCode;
use crate::transport::sse::{Handover, Offer};
use crate::transport::{HttpResponses, HttpSocket};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

const MAX_HEADERS: usize = 64;
/// Maximum size of a request's header section, in bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;
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
    routes: Routes,
    options: ServeOptions,
    stop: CancellationToken,
) {
    let handover = Handover::default();
    let socket = HttpSocket::new(stream, handover.clone(), options.write_timeout);
    let responses = socket.responses();
    let (is_extra, slot) = (slot.is_extra(), Arc::new(slot));
    let request_slot = slot.clone();
    let (request_handover, response_mode) = (handover.clone(), responses.clone());
    // Boxed: the HTTP library moves the future several times before it polls it.
    let service = service_fn(move |mut request: Request<Incoming>| -> BoxFuture<_> {
        request_slot.keep();
        if is_extra && !HEALTH_PATHS.contains(&request.uri().path()) {
            let detail = "the server has its maximum number of HTTP connections";
            let refusal = ApiError::new(ErrorCode::TooManyConnections, detail);
            return Box::pin(ready(Ok(refusal.into_response())));
        }
        if let Some(api) = routes.short_way(&request) {
            return Box::pin(publish(api, request));
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(request_handover.clone());
        let response = routes.clone().respond(request);
        let response_mode = response_mode.clone();
        Box::pin(async move {
            let response = response.await;
            if let Ok(response) = &response
                && response.status() == StatusCode::SWITCHING_PROTOCOLS
            {
                response_mode.write_directly();
            }
            response
        })
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
