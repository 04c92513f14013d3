//! Printing that cannot fail: what a closed pipe does not take, as in `loadtest list | head -1`, is dropped.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether standard output is for a file that is written to it, and for nothing else.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether something was not printed that somebody may have wanted to read.
static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// From now on, only [`try_out`] prints to standard output; what is meant for people goes to standard error.
pub(crate) fn take_stdout() {
    IS_TAKEN.store(true, Ordering::Relaxed);
}

/// Prints to standard output, or to standard error if that is [taken](take_stdout).
pub(crate) fn out(text: &str) {
    if IS_TAKEN.load(Ordering::Relaxed) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    } else {
        let printed = try_out(text);
        if let Err(error) = printed
            && !HAS_FAILED.swap(true, Ordering::Relaxed)
        {
            err_line(&format!(
                "loadtest: cannot write to standard output: {error}"
            ));
        }
    }
}

/// Whether standard output could not be written, for another reason than that nobody reads it: a disk is full.
pub(crate) fn has_failed() -> bool {
    HAS_FAILED.load(Ordering::Relaxed)
}

/// Prints a line to standard output.
pub(crate) fn out_line(line: &str) {
    out(&format!("{line}\n"));
}

/// Prints to standard output what must arrive whole. If nobody reads it, nobody misses it, so that is not an error.
pub(crate) fn try_out(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Prints a line to standard error.
pub(crate) fn err_line(line: &str) {
    let _ = io::stderr()
        .lock()
        .write_all(format!("{line}\n").as_bytes());
}
