//! The accept loop: HTTP/1.1 with every bound that a public port needs.

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
/// Bytes the head of a request may have.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Longest a request may take, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest a connection may take to finish its request when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause when not even the spare descriptor helps.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(10);
const SHED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";

/// Times of the accept loop.
#[derive(Debug, Clone, Copy)]
pub struct ServeOptions {
    /// Longest a connection may take to send the head of a request, the first as well as
    /// a later one on the same connection. Default 10 s.
    pub header_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
        }
    }
}

/// Accepts connections and answers requests until `stop` is cancelled. Connections are
/// tasks of `tasks`; after `stop` they finish the request they are at.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let mut spare = Spare::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Costs speed only where it fails.
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
            Err(error) if is_out_of_descriptors(&error) => spare.shed(&listener).await,
            // The connection was gone before it was accepted.
            Err(error) => tracing::debug!(%error, "accept failed"),
        }
    }
}

/// A descriptor held back, so that there is one left to say no with.
struct Spare(Option<File>);

impl Spare {
    fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    /// Answers one waiting connection with 503 instead of leaving it to hang.
    async fn shed(&mut self, listener: &TcpListener) {
        self.0 = None;
        match timeout(EXHAUSTED_PAUSE, listener.accept()).await {
            Ok(Ok((stream, _))) => {
                // Best effort: the peer may be gone, or not read.
                let _ = stream.try_write(SHED);
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
    let offered = handover.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(offered.clone());
        answer(router.clone(), request)
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_headers(MAX_HEADERS)
        // The buffer's bound alone lets a longer head through that arrives in one piece.
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_HEAD_BYTES)
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
        // The rest of the HTTP connection goes, its buffers with it.
        offer.accept(parts.io.into_inner());
    }
}

/// Runs a connection until it has ended, or an event stream takes it over.
async fn until_ended(connection: &mut (impl Future + Unpin), handover: &Handover) -> Option<Offer> {
    poll_fn(|cx| {
        // What a peer does wrong ends its connection and is nobody else's concern.
        let ended = Pin::new(&mut *connection).poll(cx).is_ready();
        match handover.take() {
            Some(offer) => Poll::Ready(Some(offer)),
            None if ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    })
    .await
}

async fn answer(
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
