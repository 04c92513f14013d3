//! The lines that show a run, one per second.
//!
//! They have their own thread so that a reader that does not read, such as a stopped terminal, does not hold up the run.

use crate::base::print;
use crate::base::threads::spawn;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io;
use std::time::Duration;

/// Capacity of the channel for lines. If it is full, lines are dropped.
const LINES: usize = 16;
/// How long the last lines may take to be printed.
const CLOSE: Duration = Duration::from_secs(1);

/// A thread that prints lines to standard error.
#[derive(Debug)]
pub(super) struct ProgressLines {
    /// `None` after the last line.
    lines: Option<Sender<String>>,
    ended: Receiver<()>,
}

impl ProgressLines {
    pub(super) fn start() -> io::Result<Self> {
        Self::start_with(print::err_line)
    }

    fn start_with(print: impl Fn(&str) + Send + 'static) -> io::Result<Self> {
        let (sender, lines) = bounded::<String>(LINES);
        let (ending, ended) = bounded::<()>(0);
        spawn("progress".to_owned(), move || {
            let _ending = ending;
            lines.iter().for_each(|line| print(&line));
        })?;
        Ok(Self {
            lines: Some(sender),
            ended,
        })
    }

    /// Prints a line, or drops it if too many before it have not been read. Never waits.
    pub(super) fn show(&self, line: String) {
        if let Some(lines) = &self.lines {
            let _ = lines.try_send(line);
        }
    }

    /// Waits until all lines are printed, for at most one second. Later lines are dropped.
    pub(super) fn end(&mut self) {
        self.lines = None;
        let _ = self.ended.recv_timeout(CLOSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prints to a channel that has room for so many lines.
    fn printing(room: usize) -> (ProgressLines, Receiver<String>) {
        let (sender, printed) = bounded(room);
        let print = move |line: &str| {
            let _ = sender.send(line.to_owned());
        };
        (ProgressLines::start_with(print).expect("a thread"), printed)
    }

    #[test]
    fn prints_every_line_before_it_ends() {
        let (mut lines, printed) = printing(LINES);
        for line in ["one", "two", "three"] {
            lines.show(line.to_owned());
        }
        lines.end();
        assert_eq!(
            printed.try_iter().collect::<Vec<_>>(),
            ["one", "two", "three"]
        );
        lines.show("late".to_owned());
        assert!(printed.recv().is_err(), "the thread has ended");
    }

    #[test]
    fn drops_lines_while_nobody_reads() {
        let (mut lines, printed) = printing(0);
        for n in 0..1000 {
            lines.show(n.to_string());
        }
        // Not forever.
        lines.end();
        // One is being printed.
        let read = printed.iter().count();
        assert!((LINES..=LINES + 1).contains(&read), "{read}");
    }
}
