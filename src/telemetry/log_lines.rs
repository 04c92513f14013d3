//! Log lines on their way to standard error.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Lines that may wait. One more is dropped.
const MAX_LINES: usize = 1024;
/// How long the last lines may take when the process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Hands log lines to a thread that writes them. If nobody reads standard error, that thread waits,
/// and no other: beyond 1024 lines, those that follow are counted and dropped.
#[derive(Debug, Clone, Default)]
pub(super) struct LogLines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Bound: [`MAX_LINES`].
    waiting: VecDeque<Vec<u8>>,
    /// Lines that were dropped since the last one that was not.
    dropped: u64,
    is_writing: bool,
}

impl LogLines {
    /// Starts the thread, which writes to `output` until the process ends.
    pub(super) fn start(mut output: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Self::default();
        let shared = lines.0.clone();
        let write = move || {
            loop {
                // A closed output takes nothing, which is no reason to stop.
                let _ = output.write_all(&shared.next());
            }
        };
        thread::Builder::new().name("log".to_owned()).spawn(write)?;
        Ok(lines)
    }

    /// Waits until all lines have been written, but not for long.
    pub(super) fn flush(&self) {
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        let Shared { changed, .. } = &*self.0;
        // What is not written then is lost.
        let _ = changed.wait_timeout_while(self.0.lock(), FLUSH_TIMEOUT, is_busy);
    }
}

impl Shared {
    /// No code that holds the lock can panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next line, of which the caller tells by asking for the one after it that it was
    /// written.
    fn next(&self) -> Vec<u8> {
        let mut state = self.lock();
        state.is_writing = false;
        self.changed.notify_all();
        loop {
            if let Some(line) = state.waiting.pop_front() {
                state.is_writing = true;
                return line;
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn add(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting.len() >= MAX_LINES {
            state.dropped += 1;
            return;
        }
        let dropped = std::mem::take(&mut state.dropped);
        if dropped > 0 {
            let lost =
                format!("{dropped} log lines were lost, because they were not read in time\n");
            state.waiting.push_back(lost.into_bytes());
        }
        state.waiting.push_back(line.to_vec());
        self.changed.notify_all();
    }
}

/// Each call is a line. It never waits and never fails.
impl Write for LogLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output that takes a line only when a test allows it.
    struct Output {
        allowed: Arc<(Mutex<usize>, Condvar)>,
        written: Arc<Mutex<Vec<String>>>,
    }

    impl Write for Output {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let (allowed, changed) = &*self.allowed;
            let allowed = allowed.lock().unwrap();
            let mut allowed = changed
                .wait_while(allowed, |allowed| *allowed == 0)
                .unwrap();
            *allowed -= 1;
            let line = String::from_utf8(line.to_vec()).unwrap();
            self.written.lock().unwrap().push(line);
            Ok(self.written.lock().unwrap().last().unwrap().len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_an_output_and_lost_lines_are_counted() {
        let allowed = Arc::new((Mutex::new(0), Condvar::new()));
        let written = Arc::<Mutex<Vec<String>>>::default();
        let output = Output {
            allowed: allowed.clone(),
            written: written.clone(),
        };
        let mut lines = LogLines::start(output).unwrap();
        lines.write_all(b"0\n").unwrap();
        while !lines.0.lock().waiting.is_empty() {
            thread::yield_now();
        }
        // The thread writes the first line now, and the others wait.
        for number in 1..MAX_LINES + 10 {
            lines.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        lines.flush();
        assert_eq!(written.lock().unwrap().len(), 0);
        *allowed.0.lock().unwrap() = usize::MAX;
        allowed.1.notify_all();
        lines.flush();
        lines.write_all(b"after\n").unwrap();
        lines.flush();
        let written = written.lock().unwrap();
        let kept = MAX_LINES + 1;
        assert_eq!(
            (written[0].as_str(), written[kept - 1].as_str()),
            ("0\n", &*format!("{}\n", kept - 1))
        );
        assert!(written[kept].starts_with("9 log lines were lost"));
        assert_eq!(&written[kept + 1..], ["after\n"]);
    }
}
