//! A deadline for a whole test that holds even when no other deadline can: a server that keeps
//! every thread of its runtime busy also stops the timers of that runtime.

// `pub` marks this for the binaries that share it.
#![allow(unreachable_pub)]

use std::cell::RefCell;
use std::io::Write as _;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::patience::LOAD_PATIENCE;

/// Longer than any sequence of waits in a test that passes.
const LIMIT: Duration = LOAD_PATIENCE.saturating_mul(3);

thread_local! {
    /// Dropped at the end of the test, with the thread on which the test runs.
    static RUNNING: RefCell<Option<SyncSender<()>>> = const { RefCell::new(None) };
}

/// Ends the process with an error that names the test, if the test is still running after
/// three minutes. To be called where a test starts a server; each call starts the time again.
pub fn watch() {
    let name = thread::current().name().unwrap_or("unnamed").to_owned();
    let (running, ended) = sync_channel::<()>(0);
    thread::spawn(move || {
        if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            let what = format!("test {name} has not ended within {LIMIT:?}: its server is stuck\n");
            // Not `eprintln!`, whose output belongs to the test and would be lost.
            let _ = std::io::stderr().write_all(what.as_bytes());
            std::process::exit(101);
        }
    });
    RUNNING.set(Some(running));
}
