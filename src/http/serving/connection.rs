//! One HTTP connection.

use std::convert::Infallible;
use std::future::{poll_fn, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::HttpBody as _;
use axum::extract::ConnectInfo;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::ending::{answer_error, has_input, linger};
use super::head_timer::HeadTimer;
use super::options::ServeOptions;
use super::peers::Peers;
use super::request_body::UnreadBody;
use super::request_head::check_head;
use super::routes::{Routes, publish};
use super::slots::HttpSlot;
use crate::http::problem::{ApiError, raw_problem};
use crate::limits::Limit;
use crate::protocol::{ErrorCode, Refusal};
use crate::transport::sse::{Handover, Offer, accepts_event_stream, unavailable};
use crate::transport::{ClientSocket, HttpSocket, HttpTask};

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

/// How long browsers shall come with TLS only.
const ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Why a connection, or its request, is refused.
const FULL: &str = "the server has its maximum number of HTTP connections";

/// The response to a connection that is closed without reading its request.
pub(super) fn shed_response() -> Vec<u8> {
    raw_problem(ErrorCode::TooManyConnections, FULL)
}

/// Serves a connection without TLS, which may have to begin with a PROXY header.
pub(super) async fn serve_plain(
    (mut stream, peer): (TcpStream, SocketAddr),
    slot: HttpSlot,
    routes: Routes,
    peers: Arc<Peers>,
    stop: CancellationToken,
) {
    let patience = header_timeout(&slot, &peers.options);
    let peer = tokio::select! {
        peer = peers.origin_of(&mut stream, peer, patience) => peer,
        () = slot.lost() => return,
        () = stop.cancelled() => return,
    };
    if let Some(peer) = peer {
        serve_connection((stream.into(), peer), slot, routes, peers, stop).await;
    }
}

fn header_timeout(slot: &HttpSlot, options: &ServeOptions) -> Duration {
    if slot.is_extra() {
        options.header_timeout.min(EXTRA_TIMEOUT)
    } else {
        options.header_timeout
    }
}

/// Answers requests until the connection ends or becomes a WebSocket or an event stream.
pub(super) async fn serve_connection(
    (socket, peer): (ClientSocket, SocketAddr),
    slot: HttpSlot,
    routes: Routes,
    peers: Arc<Peers>,
    stop: CancellationToken,
) {
    let (options, handover) = (&peers.options, Handover::default());
    let header_timeout = header_timeout(&slot, options);
    let (write_timeout, large_reads) = (options.write_timeout, slot.large_reads());
    let has_tls = socket.has_tls();
    let socket = HttpSocket::new(socket, handover.clone(), write_timeout, large_reads);
    let (task, arrivals) = (socket.task(), socket.arrivals());
    let requested = arrivals.clone();
    let (is_extra, slot) = (slot.is_extra(), Arc::new(slot));
    let request_slot = slot.clone();
    let (request_handover, response_mode) = (handover.clone(), task.clone());
    let request_peers = peers.clone();
    let unread = UnreadBody::default();
    let request_unread = unread.clone();
    // Boxed: the HTTP library moves the future several times before it polls it.
    let answer = move |mut request: Request<Incoming>| -> BoxFuture<_> {
        request_slot.keep();
        requested.record_request(!request.body().is_end_stream());
        if is_extra && !HEALTH_PATHS.contains(&request.uri().path()) {
            return Box::pin(ready(Ok(refuse_extra(&request))));
        }
        if let Err(refusal) = check_head(&request) {
            if !request.body().is_end_stream() {
                request_unread.record();
            }
            return Box::pin(ready(Ok(refusal.closing().into_response())));
        }
        if let Some(client) = request_peers.client_behind(peer, request.headers()) {
            request.extensions_mut().insert(client);
        }
        let unread = request_unread.clone();
        if let Some(api) = routes.short_way(&request) {
            return Box::pin(publish(api, peer, request, unread));
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(request_handover.clone());
        let response = routes.clone().respond(request, unread);
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
    };
    let service = service_fn(move |request| {
        let answer = answer(request);
        if has_tls {
            only_with_tls(answer)
        } else {
            answer
        }
    });
    let timeouts = (header_timeout, options.keep_alive);
    let mut connection = protocol(HeadTimer::new(timeouts, arrivals, slot.clone()), is_extra)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let end = tokio::select! {
        end = until_ended(&mut connection, &handover, &task) => end,
        () = slot.lost() => return,
        () = stop.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            let ended = until_ended(&mut connection, &handover, &task);
            let Ok(end) = timeout(STOP_TIMEOUT, ended).await else { return };
            end
        }
    };
    // What follows may take long, and others wait for turns.
    task.give_up_turn();
    // The rest of the HTTP connection is dropped, and its buffers with it. A WebSocket has none.
    let Some(parts) = connection.into_parts() else {
        // The HTTP library does not flush the response to a request that may not become a WebSocket.
        let _ = timeout(STOP_TIMEOUT, poll_fn(|cx| task.poll_drain(cx))).await;
        return;
    };
    let Some(socket) = parts.io.into_inner().into_inner() else {
        return;
    };
    let has_unread = match end {
        End::EventStream(offer) => {
            offer.accept(socket);
            return;
        }
        // The HTTP library may have read some of it, and left the rest in the socket.
        End::Complete => {
            unread.is_recorded() || !parts.read_buf.is_empty() || has_input(&socket).await
        }
        End::Failed(error) if error.is_timeout() && !parts.read_buf.is_empty() => {
            peers.options.limited.count(Limit::Header);
            answer_error(&socket, &error, &parts.read_buf)
        }
        End::Failed(error) => answer_error(&socket, &error, &parts.read_buf),
    };
    // Places beyond the maximum are few, and are needed for health checks.
    if has_unread && !is_extra {
        linger(socket).await;
    } else {
        socket.end();
    }
    drop(slot);
}

/// HTTP/1.1 with the server's limits.
fn protocol(timer: HeadTimer, is_extra: bool) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        // Turns the timer on, which has timeouts of its own.
        .header_read_timeout(EXTRA_TIMEOUT)
        .timer(timer)
        .keep_alive(!is_extra)
        // A peer that has sent its request may end its side and wait for the response.
        .half_close(true)
        .max_headers(MAX_HEADERS)
        // The buffer size alone does not reject a longer header that arrives in one piece.
        .max_header_size(MAX_HEADER_BYTES)
        .max_buf_size(MAX_HEADER_BYTES);
    protocol
}

/// The response, and that browsers shall come with TLS only from now on
/// ([RFC 6797](https://www.rfc-editor.org/rfc/rfc6797)).
fn only_with_tls(
    answer: BoxFuture<Result<Response, Infallible>>,
) -> BoxFuture<Result<Response, Infallible>> {
    Box::pin(async {
        let mut response = answer.await;
        if let Ok(response) = &mut response {
            let headers = response.headers_mut();
            headers.insert(STRICT_TRANSPORT_SECURITY, ONE_YEAR);
        }
        response
    })
}

/// The response to a request on a connection beyond the maximum.
fn refuse_extra(request: &Request<Incoming>) -> Response {
    let refusal = Refusal::new(ErrorCode::TooManyConnections).with_detail(FULL);
    let later = accepts_event_stream(request.headers()).then(|| unavailable(&refusal));
    let refuse = || ApiError::from(refusal.clone()).into_response();
    later.flatten().unwrap_or_else(refuse)
}

/// How the work of the HTTP library on a connection ended.
enum End {
    /// An event stream takes over its socket.
    EventStream(Offer),
    /// The last response was written, or the peer has ended the connection.
    Complete,
    /// There was an error, which concerns only this connection.
    Failed(hyper::Error),
}

/// Runs a connection until it ends or an event stream takes over its socket.
async fn until_ended(
    connection: &mut (impl Future<Output = hyper::Result<()>> + Unpin),
    handover: &Handover,
    task: &HttpTask,
) -> End {
    poll_fn(|cx| {
        loop {
            let ended = Pin::new(&mut *connection).poll(cx);
            let again = task.poll_again(cx);
            match (handover.take(), ended, again) {
                (Some(offer), ..) => return Poll::Ready(End::EventStream(offer)),
                (None, Poll::Ready(Err(error)), _) => return Poll::Ready(End::Failed(error)),
                (None, Poll::Ready(Ok(())), _) | (None, Poll::Pending, Poll::Ready(Err(_))) => {
                    return Poll::Ready(End::Complete);
                }
                (None, Poll::Pending, Poll::Ready(Ok(()))) => {}
                (None, Poll::Pending, Poll::Pending) => return Poll::Pending,
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {

    use axum::Router;
    use axum::extract::Request;
    use axum::routing::post;
    use http_body_util::BodyExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::{JoinSet, yield_now};

    use super::super::slots::HttpSlots;
    use super::*;
    use crate::http::serving::options::ServeOptions;

    const PATIENCE: Duration = Duration::from_secs(5);

    /// Reads the beginning of the body, waits for more of it, and then answers without.
    async fn answer_early(request: Request) {
        let mut body = request.into_body();
        let _ = body.frame().await;
        let mut more = Box::pin(body.frame());
        for _ in 0..5 {
            let more = poll_fn(|cx| Poll::Ready(more.as_mut().poll(cx))).await;
            assert!(more.is_pending(), "others have all turns");
            yield_now().await;
        }
    }

    /// While it lingers, it reads nothing that needs a turn.
    #[tokio::test]
    async fn a_connection_that_lingers_does_not_wait_for_a_turn() {
        let slot = HttpSlots::new(1).take().expect("a slot");
        let turns = slot.large_reads();
        let count = turns.available_permits();
        let others = turns.clone().acquire_many_owned(count as u32).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("an address");
        let mut peer = TcpStream::connect(address).await.expect("connect");
        let request = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n";
        let request = [request.as_bytes(), &[b'x'; 9000]].concat();
        peer.write_all(&request).await.expect("send");
        let (accepted, from) = listener.accept().await.expect("accept");
        let accepted = (accepted.into(), from);
        let routes = Router::new().route("/", post(answer_early)).into();
        let peers = Arc::new(Peers::new(ServeOptions::default()));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_connection(accepted, slot, routes, peers, stop));

        // Its side ends when it begins to linger, which it does until the peer's side ends.
        let mut answer = String::new();
        let read = timeout(PATIENCE, peer.read_to_string(&mut answer)).await;
        read.expect("an end").expect("an orderly end");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        drop(others);
        assert_eq!(turns.available_permits(), count);
    }
}
