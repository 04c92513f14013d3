//! Printing that cannot fail: a closed pipe, as in `wavecast | head -1`, is ignored.

use std::io::{self, Write as _};

/// Prints to standard output.
pub(super) fn out(text: &str) {
    let _ = try_out(text);
}

/// Prints to standard output. Errors: the text may have been cut short.
pub(super) fn try_out(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Prints to standard error.
pub(super) fn err(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
