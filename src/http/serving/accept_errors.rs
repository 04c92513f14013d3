//! What the accept loop does when the system gives it no connection.

use std::fs::File;
use std::io;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use super::connection::shed_response;

/// How long to wait for a connection to reject, and to pause if even that fails, when there are
/// no file descriptors left.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(10);
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const MAX_PAUSE: Duration = Duration::from_millis(100);
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The pauses after errors, and their log.
#[derive(Debug)]
pub(super) struct AcceptErrors {
    pause: Duration,
    /// Errors since the last line of the log.
    unlogged: u64,
    logged_at: Option<Instant>,
}

impl AcceptErrors {
    pub(super) fn new() -> Self {
        Self {
            pause: FIRST_PAUSE,
            unlogged: 0,
            logged_at: None,
        }
    }

    /// A connection was accepted.
    pub(super) fn clear(&mut self) {
        self.pause = FIRST_PAUSE;
    }

    /// Pauses, longer after each error in a row, and logs one line per minute.
    pub(super) async fn pause(&mut self, error: &io::Error) {
        if let Some(errors) = self.due_line(Instant::now()) {
            tracing::warn!(%error, errors, "accept failed");
        }
        let pause = self.next_pause();
        sleep(pause).await;
    }

    fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(MAX_PAUSE);
        pause
    }

    /// The number of errors that a line has to tell now.
    fn due_line(&mut self, now: Instant) -> Option<u64> {
        self.unlogged += 1;
        let is_due = self
            .logged_at
            .is_none_or(|logged| now.duration_since(logged) >= LOG_INTERVAL);
        is_due.then(|| {
            self.logged_at = Some(now);
            std::mem::take(&mut self.unlogged)
        })
    }
}

/// A file descriptor kept in reserve. When there is no other left, it is freed to accept a
/// connection and reject it.
pub(super) struct ReserveDescriptor(Option<File>);

impl ReserveDescriptor {
    pub(super) fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    /// Answers one waiting connection with 503 instead of letting it hang.
    pub(super) async fn shed(&mut self, listener: &TcpListener) {
        self.0 = None;
        match timeout(EXHAUSTED_PAUSE, listener.accept()).await {
            Ok(Ok((stream, _))) => {
                // Best effort: the peer may be gone, or may not read.
                let _ = stream.try_write(&shed_response());
            }
            Ok(Err(_)) => sleep(EXHAUSTED_PAUSE).await,
            Err(_elapsed) => {}
        }
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_tenth_of_a_second() {
        let mut errors = AcceptErrors::new();
        let pauses: Vec<_> = (0..9).map(|_| errors.next_pause().as_millis()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 100, 100]);
        errors.clear();
        assert_eq!(errors.next_pause(), FIRST_PAUSE);
    }

    #[test]
    fn a_line_per_minute_tells_how_many_errors_there_were() {
        let mut errors = AcceptErrors::new();
        let start = Instant::now();
        let mut at = |seconds| errors.due_line(start + Duration::from_secs(seconds));
        assert_eq!(at(0), Some(1));
        assert_eq!((at(1), at(59)), (None, None));
        assert_eq!(at(60), Some(3));
        assert_eq!((at(61), at(120)), (None, Some(2)));
    }
}
