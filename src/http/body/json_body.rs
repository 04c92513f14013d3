//! Reads the JSON body of a request.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::http::Request;
use tokio::time::timeout;

use super::budget::{BodyBudget, BodyCharge, NO_MEMORY};
use super::content::{BROKEN_BODY, require_content};
use crate::http::problem::ApiError;
use crate::node::{Node, poll_twice};
use crate::protocol::ErrorCode;

/// How long a request's body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Initial size of the buffer. It grows with what arrives, whatever was declared.
const FIRST_BYTES: usize = 4096;

/// The text of a body. It is charged to the budget until it is dropped.
#[derive(Debug)]
pub(in crate::http) struct JsonBody {
    text: Vec<u8>,
    charge: BodyCharge,
}

/// Reads a JSON body, within limits of time and size.
///
/// Errors: 415 for another media type or a compressed body, 413 above `limit`, 503 if the bodies of
/// all requests leave no room (before anything is read, if the length is declared), 408 after 10 s,
/// 503 if a drain begins before the body is here, 400 if it ends early or its chunks are invalid.
/// They close the connection if the rest of the body is not read.
///
/// What was declared takes nothing of the budget before it arrives. Otherwise a few peers that
/// declare bodies and send none could keep everybody else from publishing.
pub(in crate::http) async fn read_json<B: HttpBody<Data = Bytes> + Unpin>(
    node: &Node,
    budget: &Arc<BodyBudget>,
    limit: usize,
    request: Request<B>,
) -> Result<JsonBody, ApiError> {
    let accepted = require_content(request.headers(), "application/json");
    let mut source = request.into_body();
    let read = async {
        accepted?;
        let mut body = JsonBody {
            text: Vec::new(),
            charge: budget.charge(),
        };
        body.read(node, &mut source, limit).await?;
        Ok(body)
    };
    let read = read.await;
    read.map_err(|error: ApiError| {
        if source.is_end_stream() {
            error
        } else {
            error.closing()
        }
    })
}

impl JsonBody {
    /// Parses the text. Long ones wait for their turn.
    pub(in crate::http) async fn parse<R>(&self, parse: impl FnOnce(&[u8]) -> R) -> R {
        self.charge.turns().parse(&self.text, parse).await
    }

    async fn read<B: HttpBody<Data = Bytes> + Unpin>(
        &mut self,
        node: &Node,
        source: &mut B,
        limit: usize,
    ) -> Result<(), ApiError> {
        let mut longest = limit;
        // A body that was declared, or that is here already.
        if let Some(length) = source.size_hint().exact() {
            longest = usize::try_from(length).unwrap_or(usize::MAX);
            if longest > limit {
                return Err(too_long(limit));
            }
            if !self.charge.has_room_for(longest) {
                return Err(no_room());
            }
        }
        let mut filling = pin!(self.fill(source, limit, longest));
        // Most bodies arrive with the head of their request.
        if let Some(filled) = poll_twice(filling.as_mut()).await {
            return filled;
        }
        tokio::select! {
            biased;
            filled = timeout(BODY_TIMEOUT, filling) => filled.unwrap_or_else(|_elapsed| Err(late())),
            // It would be refused once it is complete, and it may never be.
            () = node.drain_begun() => Err(ErrorCode::Draining.into()),
        }
    }

    /// Reads to the end. A body that ends as announced has `longest` bytes or less.
    async fn fill<B: HttpBody<Data = Bytes> + Unpin>(
        &mut self,
        source: &mut B,
        limit: usize,
        longest: usize,
    ) -> Result<(), ApiError> {
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut *source).poll_frame(cx)).await {
            let frame = frame.map_err(|_broken| broken())?;
            // The other kind of frame is a trailer.
            if let Ok(bytes) = frame.into_data() {
                self.push(&bytes, limit, longest)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, bytes: &Bytes, limit: usize, longest: usize) -> Result<(), ApiError> {
        let length = self.text.len().saturating_add(bytes.len());
        if length > limit {
            return Err(too_long(limit));
        }
        if length > self.text.capacity() {
            let doubled = self.text.capacity().saturating_mul(2).max(FIRST_BYTES);
            self.make_room(length.max(doubled.min(longest)))?;
        }
        self.text.extend_from_slice(bytes);
        Ok(())
    }

    /// Charges for `length` bytes, then makes room for them.
    fn make_room(&mut self, length: usize) -> Result<(), ApiError> {
        if !self.charge.raise_to(length) {
            return Err(no_room());
        }
        self.text.reserve_exact(length - self.text.len());
        Ok(())
    }
}

fn no_room() -> ApiError {
    ApiError::new(ErrorCode::Overloaded, NO_MEMORY)
}

fn late() -> ApiError {
    ApiError::new(ErrorCode::RequestTimeout, "the body did not arrive in time")
}

fn broken() -> ApiError {
    ApiError::new(ErrorCode::InvalidBody, BROKEN_BODY)
}

fn too_long(limit: usize) -> ApiError {
    ApiError::new(
        ErrorCode::MessageTooLarge,
        format!("the body exceeds {limit} bytes (--max-body-size)"),
    )
}
