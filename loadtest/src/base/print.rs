//! Printing that cannot fail: what a closed pipe does not take, as in `loadtest list | head -1`, is dropped.

use std::io::{self, Write};

/// Prints to standard output.
pub(crate) fn out(text: &str) {
    let _ = try_out(text);
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
