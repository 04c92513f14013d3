//! A counter on one thread.

use std::cell::Cell;

/// Counts from 1.
#[derive(Debug, Default)]
pub(super) struct Counter(Cell<u64>);

impl Counter {
    /// Counts one more and returns the number so far.
    pub(super) fn next(&self) -> u64 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }

    /// Counts one less.
    pub(super) fn decrement(&self) {
        self.0.set(self.0.get() - 1);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.get()
    }
}
