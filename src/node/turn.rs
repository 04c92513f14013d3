//! Gives other tasks a turn during long work.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use tokio::task::yield_now;

/// Longest time that a request keeps a worker thread before others get a turn.
const MAX_TURN: Duration = Duration::from_millis(2);

/// The time since a task last gave others a turn. A worker thread also serves connections,
/// which wait meanwhile.
#[derive(Debug)]
pub(crate) struct Turn {
    began: Instant,
}

impl Turn {
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// Gives others a turn if this one has been long enough.
    ///
    /// Cancel safety: nothing is lost.
    pub(crate) async fn yield_if_due(&mut self) {
        if self.began.elapsed() >= MAX_TURN {
            yield_to_others().await;
            self.began = Instant::now();
        }
    }

    /// Waits for something that arrives from outside, which does not count as work.
    pub(super) async fn pause<T>(&mut self, wait: impl Future<Output = T>) -> T {
        let worked = self.began.elapsed();
        let arrived = wait.await;
        let now = Instant::now();
        self.began = now.checked_sub(worked).unwrap_or(now);
        arrived
    }
}

/// Returns once the runtime has run other tasks. `yield_now` returns when it is polled again, and
/// hyper polls the body of a response several times before it lets others run.
async fn yield_to_others() {
    let turn = Arc::new(NextTurn::default());
    let (waker, mut is_announced) = (Waker::from(turn.clone()), false);
    poll_fn(|cx| {
        turn.task.register(cx.waker());
        if turn.has_come.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        if !is_announced {
            is_announced = true;
            // Pending: this only leaves the waker with the runtime.
            let _ = pin!(yield_now()).poll(&mut Context::from_waker(&waker));
        }
        Poll::Pending
    })
    .await;
}

/// Woken by the runtime when it is the task's turn again.
#[derive(Debug, Default)]
struct NextTurn {
    has_come: AtomicBool,
    task: AtomicWaker,
}

impl Wake for NextTurn {
    fn wake(self: Arc<Self>) {
        self.has_come.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join;
    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn others_get_a_turn_after_a_while() {
        let (turns, done) = (Cell::new(0), Cell::new(false));
        let work = async {
            let mut turn = Turn::begin();
            let end = Instant::now() + 10 * MAX_TURN;
            while Instant::now() < end {
                turn.yield_if_due().await;
            }
            done.set(true);
        };
        let other = async {
            while !done.get() {
                turns.set(turns.get() + 1);
                yield_now().await;
            }
        };
        join(work, other).await;
        assert!((1..=11).contains(&turns.get()), "{}", turns.get());
    }
    #[tokio::test]
    async fn a_task_that_is_polled_again_at_once_still_lets_others_run() {
        let mut turn = pin!(yield_to_others());
        for _ in 0..100 {
            assert!(poll!(turn.as_mut()).is_pending());
        }
        yield_now().await;
        assert!(poll!(turn.as_mut()).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_does_not_count_as_work() {
        let mut turn = Turn::begin();
        turn.pause(async {
            let end = Instant::now() + 2 * MAX_TURN;
            while Instant::now() < end {}
        })
        .await;
        assert!(turn.began.elapsed() < 2 * MAX_TURN);
    }
}
