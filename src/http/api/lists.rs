//! Makes lists and pages of history one at a time, in short turns, and bounds what unread ones take.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{AcquireError, Semaphore};
use tokio::task::yield_now;
use tokio::time::timeout;

use super::unread::{UnreadAnswer, UnreadAnswers};
use crate::http::problem::ApiError;
use crate::node::Turn;
use crate::protocol::{ErrorCode, Json, JsonError};

/// Longest time that a request for a list or a page waits for others.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// Bytes of the lists that peers have not read yet.
const UNREAD_BYTES: usize = 64 * 1024 * 1024;
/// The same for statistics, which so never wait for lists.
const UNREAD_STATISTICS_BYTES: usize = 8 * 1024 * 1024;
/// A page that has reached this size ends, and the next one follows.
const PAGE_BYTES: usize = 1024 * 1024;

/// The lists and pages of history that a server makes, and its statistics.
///
/// Requests for lists take turns, and between two of them all other tasks get one. So however
/// many peers request them, others wait for one part of one list. Nobody keeps the turn while
/// peers do not read.
#[derive(Debug)]
pub struct Lists {
    /// One permit.
    turn: Semaphore,
    /// Bound: [`UNREAD_BYTES`].
    unread: Arc<UnreadAnswers>,
    /// Bound: [`UNREAD_STATISTICS_BYTES`].
    unread_statistics: Arc<UnreadAnswers>,
}

impl Default for Lists {
    fn default() -> Self {
        Self::new(UNREAD_BYTES, UNREAD_STATISTICS_BYTES)
    }
}

impl Lists {
    fn new(unread_bytes: usize, unread_statistics_bytes: usize) -> Self {
        Self {
            turn: Semaphore::new(1),
            unread: UnreadAnswers::new(unread_bytes),
            unread_statistics: UnreadAnswers::new(unread_statistics_bytes),
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
        in_time(async {
            let _turn = loop {
                self.unread.room().await;
                let turn = self.turn.acquire().await?;
                if self.unread.has_room() {
                    break turn;
                }
            };
            let answer = self.unread.charge(make.await?);
            yield_now().await;
            Ok(answer)
        })
        .await
    }

    /// Answers with the JSON text of the statistics, which is made at once.
    ///
    /// Backpressure: waits while peers do not read theirs.
    /// Errors: `overloaded` after five seconds.
    /// Cancel safety: nothing is lost.
    pub(super) async fn respond_statistics(
        &self,
        make: impl FnOnce() -> Result<Vec<u8>, ApiError>,
    ) -> Result<Response, ApiError> {
        in_time(async {
            self.unread_statistics.room().await;
            Ok(self.unread_statistics.charge(make()?))
        })
        .await
    }
}

/// The response with this text, or `overloaded` if it takes too long.
async fn in_time(
    answer: impl Future<Output = Result<UnreadAnswer, ApiError>>,
) -> Result<Response, ApiError> {
    let answer = timeout(MAX_WAIT, answer).await;
    let body = Body::new(answer.unwrap_or_else(|_elapsed| Err(too_many()))?);
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
}

fn too_many() -> ApiError {
    ApiError::new(
        ErrorCode::Overloaded,
        "too many lists or pages of history are waiting to be made or read",
    )
}

/// The semaphore is never closed.
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

/// The JSON text of one page: `{"<name>":[…],"total":5,"next":"…"}`.
#[derive(Debug)]
pub(super) struct PageText {
    text: Vec<u8>,
    items: usize,
    turn: Turn,
}

impl PageText {
    pub(super) fn new(name: &str) -> Self {
        Self::after(format!("{{\"{name}\":["))
    }

    /// A page that begins with this text, of which the last character opens the list.
    pub(super) fn after(head: String) -> Self {
        Self {
            text: head.into_bytes(),
            items: 0,
            turn: Turn::begin(),
        }
    }

    /// Appends an item. Returns whether there is room for more.
    ///
    /// Cancel safety: nothing is lost.
    pub(super) async fn push(&mut self, item: &impl Serialize) -> Result<bool, ApiError> {
        self.push_with(|text| Json::encode_into(text, item)).await
    }

    /// Appends the item that `encode` appends. Returns whether there is room for more.
    ///
    /// Cancel safety: nothing is lost.
    pub(super) async fn push_with(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), JsonError>,
    ) -> Result<bool, ApiError> {
        if self.items > 0 {
            self.text.push(b',');
        }
        self.items += 1;
        encode(&mut self.text)?;
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
        total: impl Into<Option<usize>>,
        next: Option<&impl Serialize>,
    ) -> Result<Vec<u8>, ApiError> {
        self.text.push(b']');
        if let Some(total) = total.into() {
            self.text.extend_from_slice(b",\"total\":");
            Json::encode_into(&mut self.text, &total)?;
        }
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

    async fn respond(lists: &Lists, bytes: usize) -> Result<Response, ApiError> {
        lists.respond(async { Ok(vec![b'0'; bytes]) }).await
    }

    #[tokio::test(start_paused = true)]
    async fn unread_lists_are_bounded_together_and_the_next_request_is_refused_after_a_while() {
        let lists = Lists::new(10, 10);
        let unread = (respond(&lists, 8).await, respond(&lists, 8).await);
        let began = Instant::now();
        assert!(respond(&lists, 1).await.is_err());
        assert_eq!(began.elapsed(), MAX_WAIT);
        drop(unread.0);
        assert!(respond(&lists, 1).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_is_larger_than_the_room_left_does_not_hold_up_the_others() {
        let lists = Lists::new(10, 10);
        let unread = respond(&lists, 6).await;
        let began = Instant::now();
        let large = lists.respond(async {
            // The small one waits for the turn meanwhile.
            yield_now().await;
            Ok(vec![b'0'; 100])
        });
        let (large, small) = tokio::join!(large, respond(&lists, 1));
        assert!(unread.is_ok() && large.is_ok());
        assert_eq!(
            began.elapsed(),
            MAX_WAIT,
            "there is no room behind the large one"
        );
        assert!(small.is_err());
        let (small, ()) = tokio::join!(respond(&lists, 1), async {
            assert_eq!(
                lists.turn.available_permits(),
                1,
                "nobody waits with the turn"
            );
            drop(large);
        });
        assert!(small.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn statistics_wait_for_no_list_and_are_bounded_by_themselves() {
        let lists = Lists::new(10, 10);
        let _unread = respond(&lists, 10).await;
        let began = Instant::now();
        let statistics = async || lists.respond_statistics(|| Ok(vec![b'0'; 10])).await;
        let (list, first) = tokio::join!(respond(&lists, 1), async {
            let first = statistics().await;
            assert_eq!(began.elapsed(), Duration::ZERO);
            first
        });
        assert!(list.is_err() && first.is_ok());
        let (second, ()) = tokio::join!(statistics(), async {
            tokio::time::sleep(MAX_WAIT / 2).await;
            drop(first);
        });
        assert!(second.is_ok());
        assert!(statistics().await.is_err());
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
