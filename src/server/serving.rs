//! Serving an application together with its connections.

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::WebSocketServer;
use crate::http::serve;

impl WebSocketServer {
    /// Serves `router` over HTTP/1.1 until `shutdown` completes, then [drains](Self::drain)
    /// while HTTP requests are still answered, and stops. Returns what `drain` returns.
    ///
    /// `router` is the application's own, with [`ws_handler`](crate::ws_handler) mounted, or
    /// [`router`](Self::router). Here, an event stream costs as little as a WebSocket.
    /// [`listen`](crate::listen()) opens the listener.
    ///
    /// All of that ends when the drain timeout has passed. Then a request that is still in progress
    /// has at most 5 seconds more, and nobody waits for it.
    ///
    /// Cancel safety: if the future is dropped, the listener and idle HTTP connections are
    /// closed, but nothing is drained.
    pub async fn serve(
        &self,
        listener: TcpListener,
        router: Router,
        shutdown: impl Future<Output = ()>,
    ) -> usize {
        let stop = CancellationToken::new();
        let requests = TaskTracker::new();
        let options = self.serve_options();
        requests.spawn(serve(
            listener,
            router,
            options,
            requests.clone(),
            stop.clone(),
        ));
        let stop = stop.drop_guard();
        shutdown.await;
        let deadline = Instant::now() + self.config().drain.timeout;
        let left = self.drain().await;
        drop(stop);
        requests.close();
        // What is left is cut off.
        let _ = timeout_at(deadline, requests.wait()).await;
        left
    }
}
