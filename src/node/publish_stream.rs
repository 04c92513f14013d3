//! Publishing events one after the other, for as long as their publisher sends them.

use std::sync::Arc;

use super::Node;
use super::published::Published;
use super::turn::Turn;
use crate::protocol::{Identity, PublishRequest, Refusal};

/// A publish stream: events that one publisher sends one after another.
#[derive(Debug)]
pub struct PublishStream {
    node: Arc<Node>,
    publisher: Option<Identity>,
    turn: Turn,
}

impl PublishStream {
    /// A stream that has published nothing yet.
    pub fn new(node: Arc<Node>, publisher: Option<Identity>) -> Self {
        let turn = Turn::begin();
        Self {
            node,
            publisher,
            turn,
        }
    }

    /// Reviews and publishes the next event.
    ///
    /// Ordering: events reach each of their channels in the order in which they are published.
    ///
    /// Backpressure: waits while shards are behind, at most for `publish_timeout`.
    ///
    /// Errors: only this event is refused; the next one may be published.
    ///
    /// Cancel safety: as for [`Node::publish`].
    pub async fn publish(&self, request: PublishRequest) -> Result<Published, Refusal> {
        let (node, publisher) = (&self.node, self.publisher.as_ref());
        let request = node.review(publisher, request, None).await?;
        Ok(node.publish(request).await?)
    }

    /// Gives other tasks a turn if this stream has kept its thread for long.
    ///
    /// Cancel safety: nothing is lost.
    pub async fn yield_if_due(&mut self) {
        self.turn.yield_if_due().await;
    }

    /// Waits for what the publisher sends next. `None` once the node is shutting down.
    ///
    /// Cancel safety: that of `input`.
    pub async fn wait_for<T>(&mut self, input: impl Future<Output = T>) -> Option<T> {
        let node = &self.node;
        let wait = async {
            tokio::select! {
                biased;
                () = node.drain_begun() => None,
                input = input => Some(input),
            }
        };
        self.turn.pause(wait).await
    }
}
