//! Refuses a connection whose opening handshake is complete.

use std::time::Duration;

use tokio::time::timeout;

use super::stream::Stream;
use crate::dialect::ClassId;
use crate::node::Node;
use crate::protocol::{CloseCode, Json, Refusal, ServerMessage};
use crate::wire::Frame;

/// How long a peer that was refused has to end the stream. Nothing counts these connections.
const LINGER: Duration = Duration::from_secs(1);

/// Tells a client why it is refused after its opening handshake, and closes. `id` is that of the
/// command that is refused, if it is one.
pub(super) async fn refuse(
    node: &Node,
    stream: Stream,
    class: ClassId,
    refusal: &Refusal,
    id: Option<&Json>,
) {
    let dialect = node.dialects().of(class);
    let error = dialect.message(&ServerMessage::Error { refusal }, id);
    let close = dialect.close(CloseCode::of_refused_connection(refusal.code), None);
    finish(stream, &[error, close]).await;
}

/// Writes the last frames. A peer that does not read them is still disconnected.
pub(super) async fn finish(stream: Stream, frames: &[Frame]) {
    let _ = timeout(LINGER, stream.refuse(frames)).await;
}
