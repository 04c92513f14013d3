//! The heartbeat wheel: when which connections are due for a ping.
//!
//! Pure over time. A shard's connections are spread over the wheel by their slot; one
//! turn of the wheel is one ping interval, so pings are spread too.

use std::time::Duration;

use tokio::time::Instant;

const MAX_SPOKES: u32 = 64;
const MIN_PERIOD: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(super) struct Wheel {
    spokes: u32,
    period: Duration,
    next: Instant,
    cursor: u32,
}

impl Wheel {
    pub(super) fn new(interval: Duration, now: Instant) -> Self {
        let millis = u32::try_from(interval.as_millis()).unwrap_or(u32::MAX);
        let spokes = millis.clamp(1, MAX_SPOKES);
        // Of no length, one turn would never end.
        let period = (interval / spokes).max(MIN_PERIOD);
        Self {
            spokes,
            period,
            next: now + period,
            cursor: 0,
        }
    }

    /// When [`Wheel::turn`] next has something to say.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// The spoke that is due, if one is. After a pause of more than a turn (a stopped
    /// process), what was missed is left out instead of pinging everybody at once.
    pub(super) fn turn(&mut self, now: Instant) -> Option<u32> {
        if now < self.next {
            return None;
        }
        if now - self.next > self.period * self.spokes {
            self.next = now;
        }
        self.next += self.period;
        self.cursor = (self.cursor + 1) % self.spokes;
        Some(self.cursor)
    }

    /// The slots below `slots` that hang on a spoke.
    pub(super) fn slots_on(&self, spoke: u32, slots: usize) -> impl Iterator<Item = u32> + use<> {
        (spoke..slots as u32).step_by(self.spokes as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_is_due_once_an_interval_and_pings_are_spread() {
        let start = Instant::now();
        let mut wheel = Wheel::new(Duration::from_secs(30), start);
        let mut due = vec![0; 1000];
        let mut now = start;
        while wheel.next() <= start + Duration::from_secs(30) {
            now = wheel.next();
            let spoke = wheel.turn(now).unwrap();
            let slots: Vec<u32> = wheel.slots_on(spoke, 1000).collect();
            assert!(slots.len() <= 16, "{} at once", slots.len());
            for slot in slots {
                due[slot as usize] += 1;
            }
        }
        assert!(due.iter().all(|&times| times == 1));
        assert_eq!(wheel.turn(now), None);
    }

    #[test]
    fn a_short_interval_keeps_its_length() {
        let start = Instant::now();
        let wheel = Wheel::new(Duration::from_millis(20), start);
        assert_eq!(wheel.period * wheel.spokes, Duration::from_millis(20));
    }

    #[test]
    fn an_interval_of_no_length_still_ends() {
        let start = Instant::now();
        let mut wheel = Wheel::new(Duration::ZERO, start);
        let later = start + Duration::from_secs(1);
        assert!((0..10).any(|_| wheel.turn(later).is_none()));
    }

    #[test]
    fn a_long_pause_is_not_made_up_for() {
        let start = Instant::now();
        let mut wheel = Wheel::new(Duration::from_secs(1), start);
        let later = start + Duration::from_secs(100);
        let mut turns = 0;
        while wheel.turn(later).is_some() {
            turns += 1;
        }
        assert!(turns <= 2, "{turns}");
    }
}
