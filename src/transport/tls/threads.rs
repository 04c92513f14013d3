//! The threads that handshakes run on.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Threads with a runtime each. They end when this is dropped, and with them what runs there.
#[derive(Debug)]
pub(super) struct HandshakeThreads {
    runtimes: Vec<Handle>,
    next: AtomicUsize,
    _stop: DropGuard,
}

impl HandshakeThreads {
    /// Starts this many threads, at least one.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let mut runtimes = Vec::new();
        for _ in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtimes.push(runtime.handle().clone());
            let stopped = stop.clone();
            let thread = thread::Builder::new().name("tls-handshake".to_owned());
            thread.spawn(move || runtime.block_on(stopped.cancelled()))?;
        }
        Ok(Self {
            runtimes,
            next: AtomicUsize::new(0),
            _stop: stop.drop_guard(),
        })
    }

    /// The runtime for the next handshake, each in its turn.
    pub(super) fn next(&self) -> &Handle {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        &self.runtimes[next % self.runtimes.len()]
    }
}
