//! Gives other tasks a turn during long work.

use std::time::{Duration, Instant};

use tokio::task::yield_now;

/// Longest time that a request keeps a worker thread before others get a turn.
const MAX_TURN: Duration = Duration::from_millis(2);

/// The time since a task last gave others a turn. A worker thread also serves connections,
/// which wait meanwhile.
#[derive(Debug)]
pub(super) struct Turn {
    began: Instant,
}

impl Turn {
    pub(super) fn begin() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// Gives others a turn if this one has been long enough.
    ///
    /// Cancel safety: nothing is lost.
    pub(super) async fn give_way(&mut self) {
        if self.began.elapsed() >= MAX_TURN {
            yield_now().await;
            self.began = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join;

    use super::*;

    #[tokio::test]
    async fn others_get_a_turn_after_a_while() {
        let (turns, done) = (Cell::new(0), Cell::new(false));
        let work = async {
            let mut turn = Turn::begin();
            let end = Instant::now() + 10 * MAX_TURN;
            while Instant::now() < end {
                turn.give_way().await;
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
}
