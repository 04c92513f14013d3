//! Timeouts that cost nothing unless something waits.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// Waits for `future` until the deadline. Most calls complete without waiting for anything, and a timer
/// costs more than looking twice: it is armed only for a future that is pending both times, and only then
/// is `deadline` called.
///
/// Cancel safety: that of `future`.
pub(crate) async fn lazy_timeout<F: Future>(
    deadline: impl FnOnce() -> Instant,
    mut future: Pin<&mut F>,
) -> Result<F::Output, Elapsed> {
    match poll_twice(future.as_mut()).await {
        Some(output) => Ok(output),
        None => timeout_at(deadline(), future).await,
    }
}

/// `None` if the future is still pending in the task's next turn. A request's body is often there by
/// then.
///
/// Cancel safety: that of `future`.
pub(crate) async fn poll_twice<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    let mut is_second = false;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if is_second => Poll::Ready(None),
        Poll::Pending => {
            is_second = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::time::Duration;

    use tokio::task::yield_now;
    use tokio::time::sleep;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn soon() -> Instant {
        Instant::now() + TIMEOUT
    }

    #[tokio::test(start_paused = true)]
    async fn what_completes_is_returned_however_often_it_is_polled() {
        let never_armed = || unreachable!("nothing waits");
        assert_eq!(lazy_timeout(never_armed, pin!(ready(1))).await, Ok(1));
        for turns in 0..5 {
            let work = async {
                for _ in 0..turns {
                    yield_now().await;
                }
                turns
            };
            assert_eq!(lazy_timeout(soon, pin!(work)).await, Ok(turns));
        }
        let slow = sleep(TIMEOUT.mul_f32(0.99));
        assert!(lazy_timeout(soon, pin!(slow)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_too_long_is_ended_at_the_deadline() {
        let begun = Instant::now();
        let never = pin!(pending::<()>());
        assert!(lazy_timeout(soon, never).await.is_err());
        assert_eq!(begun.elapsed(), TIMEOUT);
    }
}
