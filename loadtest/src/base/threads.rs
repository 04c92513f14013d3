//! Threads that are named and joined.

use std::io;
use std::thread::{self, JoinHandle};

/// Starts a thread with a name.
pub(crate) fn spawn(
    name: String,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(body)
}

/// Whether no thread panicked. Threads that are still stuck in a system call end with the process.
pub(crate) fn join_finished(threads: Vec<JoinHandle<()>>) -> bool {
    threads
        .into_iter()
        .filter(JoinHandle::is_finished)
        .all(|thread| thread.join().is_ok())
}
