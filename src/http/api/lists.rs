//! Makes lists and pages of history one at a time, in short turns, and bounds what unread ones take.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::http::problem::ApiError;
use crate::node::Turn;
use crate::protocol::{ErrorCode, Json, JsonError};

/// Longest time that a request for a list or a page waits for others.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// Bytes of the lists that peers have not read yet.
const UNREAD_BYTES: usize = 64 * 1024 * 1024;
/// A page that has reached this size ends, and the next one follows.
const PAGE_BYTES: usize = 1024 * 1024;

/// The lists and pages of history that a server makes.
///
/// Requests for them take turns, and between two of them all other tasks get one. So however
/// many peers request them, others wait for one part of one list.
#[derive(Debug)]
pub struct Lists {
    /// One permit.
    turn: Semaphore,
    /// One permit per byte. Bound: [`UNREAD_BYTES`].
    unread: Arc<Semaphore>,
}

impl Default for Lists {
    fn default() -> Self {
        Self::new(UNREAD_BYTES)
    }
}

impl Lists {
    fn new(unread_bytes: usize) -> Self {
        Self {
            turn: Semaphore::new(1),
            unread: Arc::new(Semaphore::new(unread_bytes)),
        }
    }

    /// Answers with the JSON text that `make` returns.
    ///
    /// Backpressure: waits while another list is made, and while peers do not read theirs.
    /// Errors: `overloaded` after five seconds.
    /// Cancel safety: nothing is lost.
    pub(super) async fn respond(
        &self,
        make: impl Future<Output = Result<Vec<u8>, ApiError>>,
    ) -> Result<Response, ApiError> {
        let answer = async {
            let _turn = self.turn.acquire().await?;
            let text = make.await?;
            yield_now().await;
            let bytes = u32::try_from(text.len().min(UNREAD_BYTES)).unwrap_or(u32::MAX);
            let permit = self.unread.clone().acquire_many_owned(bytes).await?;
            Ok(Unread {
                text,
                _permit: permit,
            })
        };
        let answer: Result<Unread, ApiError> = timeout(MAX_WAIT, answer)
            .await
            .unwrap_or_else(|_elapsed| Err(too_many()));
        let body = Body::from(Bytes::from_owner(answer?));
        Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
    }
}

fn too_many() -> ApiError {
    ApiError::new(
        ErrorCode::Overloaded,
        "too many lists or pages of history are waiting to be made or read",
    )
}

/// The semaphores are never closed.
impl From<AcquireError> for ApiError {
    fn from(_: AcquireError) -> Self {
        too_many()
    }
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        Self::new(ErrorCode::Internal, error.to_string())
    }
}

/// The text of a list until it has been written.
#[derive(Debug)]
struct Unread {
    text: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Unread {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// The JSON text of one page: `{"<name>":[…],"total":5,"next":"…"}`.
#[derive(Debug)]
pub(super) struct PageText {
    text: Vec<u8>,
    items: usize,
    turn: Turn,
}

impl PageText {
    pub(super) fn new(name: &str) -> Self {
        Self {
            text: format!("{{\"{name}\":[").into_bytes(),
            items: 0,
            turn: Turn::begin(),
        }
    }

    /// Appends an item. Returns whether there is room for more.
    ///
    /// Cancel safety: nothing is lost.
    pub(super) async fn push(&mut self, item: &impl Serialize) -> Result<bool, ApiError> {
        if self.items > 0 {
            self.text.push(b',');
        }
        self.items += 1;
        Json::encode_into(&mut self.text, item)?;
        self.turn.yield_if_due().await;
        Ok(self.text.len() < PAGE_BYTES)
    }

    /// The number of items.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// Ends the page. `next` is the key after which the next page starts, if there is one.
    pub(super) fn finish(
        mut self,
        total: usize,
        next: Option<&impl Serialize>,
    ) -> Result<Vec<u8>, ApiError> {
        self.text.extend_from_slice(b"],\"total\":");
        Json::encode_into(&mut self.text, &total)?;
        self.text.extend_from_slice(b",\"next\":");
        Json::encode_into(&mut self.text, &next)?;
        self.text.push(b'}');
        Ok(self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn lists_are_made_one_at_a_time() {
        let (lists, running, count) = (Lists::default(), Cell::new(0), Cell::new(0));
        let make = async || {
            running.set(running.get() + 1);
            yield_now().await;
            assert_eq!(running.get(), 1);
            running.set(running.get() - 1);
            count.set(count.get() + 1);
            Ok(b"[]".to_vec())
        };
        let respond = || lists.respond(make());
        let (one, two, three) = tokio::join!(respond(), respond(), respond());
        assert!(one.is_ok() && two.is_ok() && three.is_ok());
        assert_eq!(count.get(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn unread_lists_are_bounded_together_and_the_next_request_is_refused_after_a_while() {
        let lists = Lists::new(10);
        let respond = async || lists.respond(async { Ok(vec![b'0'; 8]) }).await;
        let unread = respond().await.expect("room for it");
        let began = Instant::now();
        assert!(respond().await.is_err());
        assert_eq!(began.elapsed(), MAX_WAIT);
        drop(unread);
        assert!(respond().await.is_ok());
    }

    #[tokio::test]
    async fn a_page_is_the_json_text_of_an_object() {
        let mut page = PageText::new("rooms");
        let empty = PageText::new("rooms").finish(5, None::<&u8>).unwrap();
        assert_eq!(empty, br#"{"rooms":[],"total":5,"next":null}"#);
        assert!(page.push(&1).await.unwrap());
        assert!(page.push(&"a").await.unwrap());
        assert_eq!(page.items(), 2);
        let page = page.finish(5, Some(&"a\"b")).unwrap();
        assert_eq!(page, br#"{"rooms":[1,"a"],"total":5,"next":"a\"b"}"#);
    }
}
