//! Accepts connections.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept_errors::{AcceptErrors, ReserveDescriptor};
use super::connection::{serve_connection, serve_plain, shed_response};
use super::options::ServeOptions;
use super::peers::Peers;
use super::routes::Routes;
use super::slots::HttpSlots;
use crate::limits::Limit;
use crate::transport::tls::{NoHandshake, TlsAcceptor};
use crate::transport::{ClientSocket, PROXY_HEADER_TIMEOUT, is_out_of_descriptors};

/// After this many connections beyond the maximum, other tasks get a turn. Fewer than may be
/// served at a time.
const EXTRA_PER_TURN: u32 = 16;

/// Accepts connections and answers requests until `stop` is cancelled. Connections are spawned on
/// `tasks`; after `stop` they finish the current request.
pub async fn serve(
    listener: TcpListener,
    routes: impl Into<Routes>,
    options: ServeOptions,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let routes = routes.into();
    let slots = HttpSlots::new(options.max_http);
    let peers = Arc::new(Peers::new(options));
    accept((listener, None), routes, peers, slots, tasks, stop).await;
}

/// The same with TLS.
#[cfg(all(feature = "internals", feature = "tls"))]
pub async fn serve_tls(
    (listener, tls): (TcpListener, TlsAcceptor),
    routes: impl Into<Routes>,
    options: ServeOptions,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let slots = HttpSlots::new(options.max_http);
    let listener = (listener, Some(tls));
    accept(
        listener,
        routes.into(),
        Arc::new(Peers::new(options)),
        slots,
        tasks,
        stop,
    )
    .await;
}

/// Spawns an accept loop on `tasks` for each listener. They share the bounds.
#[cfg(feature = "cli")]
pub(crate) fn serve_all(
    (listeners, tls): (Vec<TcpListener>, Option<&TlsAcceptor>),
    routes: &Routes,
    options: ServeOptions,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let slots = HttpSlots::new(options.max_http);
    let peers = Arc::new(Peers::new(options));
    for listener in listeners {
        tasks.spawn(accept(
            (listener, tls.cloned()),
            routes.clone(),
            peers.clone(),
            slots.clone(),
            tasks.clone(),
            stop.clone(),
        ));
    }
}

async fn accept(
    (listener, tls): (TcpListener, Option<TlsAcceptor>),
    routes: Routes,
    peers: Arc<Peers>,
    slots: HttpSlots,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let mut reserve = ReserveDescriptor::new();
    let mut errors = AcceptErrors::new();
    let mut extra = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            // An IPv6 socket accepts IPv4 too, with addresses such as `::ffff:192.0.2.1`.
            Ok((stream, peer)) => (
                stream,
                SocketAddr::new(peer.ip().to_canonical(), peer.port()),
            ),
            Err(error) if is_out_of_descriptors(&error) => {
                reserve.shed(&listener).await;
                continue;
            }
            Err(error) => {
                tokio::select! {
                    () = errors.pause(&error) => continue,
                    () = stop.cancelled() => return,
                }
            }
        };
        errors.clear();
        if let Some(tls) = &tls {
            let place = tokio::select! {
                place = tls.place() => place,
                () = stop.cancelled() => return,
            };
            peers.options.socket().apply_at_accept(&stream);
            let (tls, slots, routes) = (tls.clone(), slots.clone(), routes.clone());
            let (its_tasks, stop, peers) = (tasks.clone(), stop.clone(), peers.clone());
            tasks.spawn(async move {
                let mut stream = stream;
                let peer = tokio::select! {
                    peer = peers.origin_of(&mut stream, peer, PROXY_HEADER_TIMEOUT) => peer,
                    () = place.lost() => return peers.options.limited.count(Limit::Handshake),
                    () = stop.cancelled() => return,
                };
                let Some(peer) = peer else {
                    return;
                };
                match tls.accept(stream, place, &its_tasks, &stop).await {
                    Ok(socket) => serve_with_tls((socket, peer), &slots, routes, peers, stop).await,
                    Err(NoHandshake::Late) => peers.options.limited.count(Limit::Handshake),
                    Err(NoHandshake::Failed) => {}
                }
            });
            continue;
        }
        let Some(slot) = slots.take() else {
            // Best effort: the peer may be gone, or may not read.
            let _ = stream.try_write(&shed_response());
            continue;
        };
        peers.options.socket().apply_at_accept(&stream);
        extra += u32::from(slot.is_extra());
        let connection = serve_plain(
            (stream, peer),
            slot,
            routes.clone(),
            peers.clone(),
            stop.clone(),
        );
        tasks.spawn(connection);
        if extra >= EXTRA_PER_TURN {
            // They are read from before others take their places.
            extra = 0;
            requeue().await;
        }
    }
}

/// Serves a connection after its handshake, which takes no place of HTTP.
async fn serve_with_tls(
    (mut socket, peer): (ClientSocket, SocketAddr),
    slots: &HttpSlots,
    routes: Routes,
    peers: Arc<Peers>,
    stop: CancellationToken,
) {
    let Some(slot) = slots.take() else {
        // Best effort: the peer may be gone, or may not read.
        let _ = socket.try_write(&shed_response());
        let _ = socket.shutdown().await;
        return;
    };
    serve_connection((socket, peer), slot, routes, peers, stop).await;
}

/// Lets the tasks run that are ready now. Unlike `yield_now`, it does not wait until nothing else is
/// ready, which may take long while many clients connect.
async fn requeue() {
    let mut is_requeued = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut is_requeued, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
