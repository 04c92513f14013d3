//! Long bodies are parsed one after the other.

use tokio::sync::Semaphore;
use tokio::task::yield_now;

/// Bodies up to this size are parsed at once.
const SHORT_BYTES: usize = 16 * 1024;

/// Parsing a body that is full of names takes a worker thread for up to many milliseconds, and it
/// cannot be interrupted. If many such bodies arrive together, everything else would wait until
/// all of them were parsed.
#[derive(Debug)]
pub(super) struct ParseTurns(Semaphore);

impl Default for ParseTurns {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

impl ParseTurns {
    /// Parses a text: a short one now, a long one when it is its turn. Between two long ones,
    /// other tasks run.
    ///
    /// Backpressure: waits while other long bodies are parsed. Their budget bounds how many.
    /// Cancel safety: nothing is lost.
    pub(super) async fn parse<R>(&self, text: &[u8], parse: impl FnOnce(&[u8]) -> R) -> R {
        if text.len() <= SHORT_BYTES {
            return parse(text);
        }
        // The semaphore is never closed. If it were, the text would be parsed without a turn.
        let _turn = self.0.acquire().await;
        let parsed = parse(text);
        // With the turn, since the next body would be parsed before anything else runs.
        yield_now().await;
        parsed
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures_util::future::join3;

    use super::*;

    #[tokio::test]
    async fn other_tasks_run_between_two_long_bodies_and_short_ones_do_not_wait() {
        let (turns, order) = (ParseTurns::default(), RefCell::new(String::new()));
        let body = |name: char, bytes: usize| {
            let (turns, order) = (&turns, &order);
            async move {
                let text = vec![b' '; bytes];
                turns.parse(&text, |_| order.borrow_mut().push(name)).await;
            }
        };
        let other = async {
            for _ in 0..2 {
                order.borrow_mut().push('-');
                yield_now().await;
            }
        };
        let long = SHORT_BYTES + 1;
        let bodies = join3(body('A', long), body('B', long), body('c', SHORT_BYTES));
        tokio::join!(bodies, other);
        assert!(order.borrow().starts_with("Ac-"), "{}", order.borrow());
        assert!(order.borrow().contains('B'), "{}", order.borrow());
    }
}
