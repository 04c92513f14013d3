//! A timer wheel that says which connections are due for a ping.
//!
//! It reads no clock: the current time is passed in. A shard's connections are distributed over
//! the wheel's buckets by their slot, and one revolution takes one ping interval, so the pings
//! are spread over the interval.

use std::time::Duration;

use tokio::time::Instant;

const MAX_BUCKETS: u32 = 64;
const MIN_TICK: Duration = Duration::from_millis(1);

/// A timer wheel with one bucket per tick.
#[derive(Debug)]
pub(super) struct HeartbeatWheel {
    buckets: u32,
    /// Time between two buckets.
    tick: Duration,
    next_tick: Instant,
    /// The bucket that was due last.
    cursor: u32,
}

impl HeartbeatWheel {
    pub(super) fn new(interval: Duration, now: Instant) -> Self {
        let millis = u32::try_from(interval.as_millis()).unwrap_or(u32::MAX);
        let buckets = millis.clamp(1, MAX_BUCKETS);
        // With a tick of zero, a bucket would always be due and the caller's loop would never end.
        let tick = (interval / buckets).max(MIN_TICK);
        Self {
            buckets,
            tick,
            next_tick: now + tick,
            cursor: 0,
        }
    }

    /// Time between two buckets.
    pub(super) fn tick(&self) -> Duration {
        self.tick
    }

    /// When the next bucket is due.
    pub(super) fn next_tick(&self) -> Instant {
        self.next_tick
    }

    /// Advances to the next bucket and returns it, if it is due. After a pause of more than
    /// one revolution (the process was stopped), missed ticks are skipped instead of pinging
    /// everybody at once.
    pub(super) fn advance(&mut self, now: Instant) -> Option<u32> {
        if now < self.next_tick {
            return None;
        }
        if now - self.next_tick > self.tick * self.buckets {
            self.next_tick = now;
        }
        self.next_tick += self.tick;
        self.cursor = (self.cursor + 1) % self.buckets;
        Some(self.cursor)
    }

    /// The connection slots below `slots` that belong to a bucket.
    pub(super) fn slots_in(&self, bucket: u32, slots: usize) -> impl Iterator<Item = u32> + use<> {
        (bucket..slots as u32).step_by(self.buckets as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_is_due_once_per_interval_and_pings_are_spread() {
        let start = Instant::now();
        let mut wheel = HeartbeatWheel::new(Duration::from_secs(30), start);
        let mut due = vec![0; 1000];
        let mut now = start;
        while wheel.next_tick() <= start + Duration::from_secs(30) {
            now = wheel.next_tick();
            let bucket = wheel.advance(now).unwrap();
            let slots: Vec<u32> = wheel.slots_in(bucket, 1000).collect();
            assert!(slots.len() <= 16, "{} at once", slots.len());
            for slot in slots {
                due[slot as usize] += 1;
            }
        }
        assert!(due.iter().all(|&times| times == 1));
        assert_eq!(wheel.advance(now), None);
    }

    #[test]
    fn a_short_interval_is_one_revolution() {
        let start = Instant::now();
        let wheel = HeartbeatWheel::new(Duration::from_millis(20), start);
        assert_eq!(wheel.tick * wheel.buckets, Duration::from_millis(20));
    }

    #[test]
    fn an_interval_of_zero_is_not_always_due() {
        let start = Instant::now();
        let mut wheel = HeartbeatWheel::new(Duration::ZERO, start);
        let later = start + Duration::from_secs(1);
        assert!((0..10).any(|_| wheel.advance(later).is_none()));
    }

    #[test]
    fn ticks_missed_in_a_long_pause_are_skipped() {
        let start = Instant::now();
        let mut wheel = HeartbeatWheel::new(Duration::from_secs(1), start);
        let later = start + Duration::from_secs(100);
        let mut ticks = 0;
        while wheel.advance(later).is_some() {
            ticks += 1;
        }
        assert!(ticks <= 2, "{ticks}");
    }
}
