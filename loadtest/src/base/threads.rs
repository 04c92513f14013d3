//! Named threads, and joining them.

use std::io;
use std::thread::{self, JoinHandle};

/// Starts a named thread.
pub(crate) fn spawn(
    name: String,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(body)
}

/// Joins the threads that have finished, and returns whether none of them panicked. A thread that is still blocked in a
/// system call is left to end with the process.
pub(crate) fn join_finished(threads: Vec<JoinHandle<()>>) -> bool {
    threads
        .into_iter()
        .filter(JoinHandle::is_finished)
        .all(|thread| thread.join().is_ok())
}
