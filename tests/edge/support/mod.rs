//! A server on a port of its own, raw clients, raw HTTP: what all tests share.

mod binary;
mod client;
mod events;
mod frame;
mod http;
mod server;

use std::future::Future;
use std::time::Duration;

pub use binary::{Binary, run, run_with};
pub use client::{Client, HANDSHAKE, refusable_handshake, upgrade_request};
pub use events::{Block, EventSource};
pub use frame::{
    BINARY, CLOSE, CONTINUATION, FINAL_CONTINUATION, PING, PONG, TEXT, TEXT_FRAGMENT, close_frame,
    frame, frame_head, text_frame, unmasked_frame,
};
pub use http::{Response, exchange, post_text, read_head, request};
pub use server::{TestServer, config, roomy};
use tokio::time::{sleep, timeout};

/// Longest wait for anything that is to happen; passing it fails the test.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The future's result, or a panic that says what did not happen.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}"))
}

/// Waits until a condition holds. For what nothing announces: a connection that is gone,
/// a count that has settled.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !condition().await {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
