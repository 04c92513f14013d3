//! Counts what happens within a span of time.

use std::time::Duration;

/// Counts events in spans of fixed length, each of which begins with the first event after the one
/// before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    /// When it began, in milliseconds after some fixed time. It wraps after 49 days, and may then count
    /// an event of the last span once more.
    start: u32,
    count: u32,
}

impl Window {
    /// Counts an event, and returns the number of those in its span, this one included. `now` is the
    /// time since some fixed one.
    pub fn count(&mut self, length: Duration, now: Duration) -> u32 {
        let now = now.as_millis() as u32;
        let length = length.as_millis() as u32;
        if self.count == 0 || now.wrapping_sub(self.start) >= length {
            self.start = now;
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_begins_with_its_first_event() {
        let mut window = Window::default();
        let mut count = |at| {
            window.count(
                Duration::from_secs(10),
                Duration::from_millis(at + (1_u64 << 32)),
            )
        };
        assert_eq!([count(5_000), count(14_999)], [1, 2]);
        assert_eq!([count(15_000), count(15_000), count(90_000)], [1, 2, 1]);
    }
}
