//! How a connection ends that does not become a WebSocket or an event stream.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use axum::body::Bytes;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::http::problem::raw_problem;
use crate::protocol::ErrorCode;
use crate::transport::ClientSocket;

/// How long what the peer still sends is read and discarded.
const LINGER: Duration = Duration::from_secs(1);
const DISCARDED_BYTES: usize = 16 * 1024;

/// Answers what hyper leaves without an answer, given its error and the bytes that it has not used.
/// Returns whether the peer was sent an answer, by hyper or here.
pub(super) fn answer_error(socket: &ClientSocket, error: &hyper::Error, unused: &Bytes) -> bool {
    let answer = if error.is_parse_version_h2() {
        let detail = "this port speaks HTTP/1.1";
        raw_problem(ErrorCode::UnsupportedHttpVersion, detail)
    } else if error.is_timeout() && !unused.is_empty() {
        let detail = "the header section did not arrive in time";
        raw_problem(ErrorCode::RequestTimeout, detail)
    } else {
        return error.is_parse();
    };
    // Best effort: the peer may be gone. An empty send buffer takes it at once.
    socket.try_write(&answer).is_ok()
}

/// Whether the peer has sent something that was not read.
pub(super) async fn has_input(socket: &ClientSocket) -> bool {
    let has_input = poll_fn(|cx| Poll::Ready(socket.poll_has_input(cx)));
    has_input.await == Poll::Ready(true)
}

/// Ends this side, then reads and discards what the peer sends, until it ends its side too or a
/// second has passed. If the socket were closed with unread bytes, the peer would be sent a reset,
/// and could lose the answer that it has not read yet
/// ([RFC 9112 §9.6](https://www.rfc-editor.org/rfc/rfc9112#section-9.6)).
pub(super) async fn linger(mut socket: ClientSocket) {
    // Fails only if the peer is gone, and then so does reading.
    let _ = socket.shutdown().await;
    let discarding = async {
        let mut discarded = vec![0; DISCARDED_BYTES];
        while poll_fn(|cx| socket.poll_discard(cx, &mut discarded))
            .await
            .is_ok_and(|count| count > 0)
        {
            // What others send matters more.
            yield_now().await;
        }
    };
    let _ = timeout(LINGER, discarding).await;
}
