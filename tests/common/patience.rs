//! Deadlines for every wait of a test, so that a broken server fails the test instead of
//! hanging it. The test binaries of the library share this file.

// Each binary uses only some of these, and `pub` marks them for the others.
#![allow(dead_code, unreachable_pub)]

use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long a test waits for one thing to happen.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// How long a test waits for thousands of things to happen.
pub const LOAD_PATIENCE: Duration = Duration::from_secs(60);

fn before<T>(
    limit: Duration,
    what: &str,
    future: impl Future<Output = T>,
) -> impl Future<Output = T> {
    // On the heap, because deadlines are nested and each would double the size of the future.
    let future = Box::pin(future);
    async move {
        timeout(limit, future)
            .await
            .unwrap_or_else(|_| panic!("waited {limit:?} for {what}"))
    }
}

/// The future's result, or a panic that says what did not happen within [`PATIENCE`].
pub fn within<T>(what: &str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    before(PATIENCE, what, future)
}

/// The same for a test under load. Steps that have deadlines of their own would add up to
/// hours when a server takes seconds for each, so the whole run has one too.
pub fn within_a_minute<T>(what: &str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    before(LOAD_PATIENCE, what, future)
}

/// The results of all tasks of a test under load.
pub async fn join_all<T: 'static>(what: &str, tasks: JoinSet<T>) -> Vec<T> {
    within_a_minute(what, tasks.join_all()).await
}

/// Waits until a condition holds. Only for what the server does not announce: a
/// connection that is gone, a count that has settled.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !condition().await {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A deadline for one call of the library.
pub trait InTime: Future + Sized {
    /// The future's result, or a panic that names the calling line after [`PATIENCE`].
    #[track_caller]
    fn in_time(self) -> impl Future<Output = Self::Output> {
        let caller = Location::caller();
        let future = Box::pin(self);
        async move {
            timeout(PATIENCE, future)
                .await
                .unwrap_or_else(|_| panic!("waited {PATIENCE:?} at {caller}"))
        }
    }
}

impl<F: Future> InTime for F {}
