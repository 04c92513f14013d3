//! The accept loop: HTTP/1.1 with the limits and timeouts that a public port needs.

use std::convert::Infallible;
use std::fs::File;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use super::problem::ApiError;
use crate::protocol::ErrorCode;
use crate::transport::is_out_of_descriptors;
use crate::transport::sse::{Handover, Offer, Socket};

const MAX_HEADERS: usize = 64;
/// Maximum size of a request's header section, in bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// How long a request may take, including its body.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection has to finish its request when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for a connection to reject, and to pause if even that fails, when there are
/// no file descriptors left.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(10);
const SHED_RESPONSE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";

/// Settings of the accept loop.
#[derive(Debug, Clone, Copy)]
pub struct ServeOptions {
    /// How long a connection may take to send the header of a request, both for the first request
    /// and for later ones on the same connection. Default: 10 s.
    pub header_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
        }
    }
}

/// Accepts connections and answers requests until `stop` is cancelled. Connections are spawned on
/// `tasks`; after `stop` they finish the current request.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let mut reserve = ReserveDescriptor::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // A failure costs only speed.
                let _ = stream.set_nodelay(true);
                let router = router.clone();
                tasks.spawn(serve_connection(
                    stream,
                    peer,
                    router,
                    options,
                    stop.clone(),
                ));
            }
            Err(error) if is_out_of_descriptors(&error) => reserve.shed(&listener).await,
            // Usually the peer has closed the connection before it was accepted.
            Err(error) => tracing::debug!(%error, "accept failed"),
        }
    }
}

/// A file descriptor kept in reserve. When there is no other left, it is freed to accept a
/// connection and reject it.
struct ReserveDescriptor(Option<File>);

impl ReserveDescriptor {
    fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    /// Answers one waiting connection with 503 instead of letting it hang.
    async fn shed(&mut self, listener: &TcpListener) {
        self.0 = None;
        match timeout(EXHAUSTED_PAUSE, listener.accept()).await {
            Ok(Ok((stream, _))) => {
                // Best effort: the peer may be gone, or may not read.
                let _ = stream.try_write(SHED_RESPONSE);
            }
            Ok(Err(_)) => sleep(EXHAUSTED_PAUSE).await,
            Err(_elapsed) => {}
        }
        *self = Self::new();
    }
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    options: ServeOptions,
    stop: CancellationToken,
) {
    let handover = Handover::default();
    let socket = Socket::new(stream, handover.clone());
    let request_handover = handover.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(request_handover.clone());
        respond(router.clone(), request)
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_headers(MAX_HEADERS)
        // The buffer size alone does not reject a longer header that arrives in one piece.
        .max_header_size(MAX_HEADER_BYTES)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let offer = tokio::select! {
        offer = until_ended(&mut connection, &handover) => offer,
        () = stop.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            let stopped = timeout(STOP_TIMEOUT, until_ended(&mut connection, &handover)).await;
            stopped.ok().flatten()
        }
    };
    if let (Some(offer), Some(parts)) = (offer, connection.into_parts()) {
        // The rest of the HTTP connection is dropped, and its buffers with it.
        offer.accept(parts.io.into_inner());
    }
}

/// Runs a connection until it ends or an event stream takes over its socket.
async fn until_ended(connection: &mut (impl Future + Unpin), handover: &Handover) -> Option<Offer> {
    poll_fn(|cx| {
        // An error ends only this connection, so it is ignored.
        let ended = Pin::new(&mut *connection).poll(cx).is_ready();
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
