//! Ids of events.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use uuid::Uuid;

use super::NameError;
use super::names::check_label;

/// Bits of [`LAST`] that count the ids of one millisecond.
const COUNTER_BITS: u32 = 18;
/// The counter bits that follow the version, and those that follow the variant.
const COUNTER_HIGH_BITS: u32 = 12;
const COUNTER_LOW_BITS: u32 = COUNTER_BITS - COUNTER_HIGH_BITS;
/// Random bits of an id.
const RANDOM_BITS: u32 = 62 - COUNTER_LOW_BITS;
/// After this many ids a thread asks the system for a new seed.
const IDS_PER_SEED: u32 = 1 << 16;

/// The newest id's milliseconds since 1970, then its counter.
static LAST: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static RANDOM: RefCell<Random> = const { RefCell::new(Random { state: 0, left: 0 }) };
}

/// Between a sender and the id that it chose.
const SENDER_END: char = '\u{1f}';

/// An event's id: the publisher's idempotency key, or `evt_` and a time-ordered UUID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct EventId(Box<str>);

impl EventId {
    /// A new id for the time `now`, greater than those generated before it in this process.
    ///
    /// It is unique, but not secret: ids are numbered, and only their last 56 bits are random.
    pub fn generate(now: SystemTime) -> Self {
        let mut text = String::with_capacity(4 + 32);
        text.push_str("evt_");
        text.push_str(generate_uuid(now).simple().encode_lower(&mut [0; 32]));
        Self(text.into())
    }

    /// Checks a publisher's id: 1–200 bytes, no control characters.
    pub fn new(id: &str) -> Result<Self, NameError> {
        check_label(id)?;
        Ok(Self(id.into()))
    }

    /// The id that a client chose, as a key that no backend and no other client can choose.
    pub(crate) fn of_sender(&self, sender: &str) -> Self {
        // Neither a sender nor an id has a control character.
        Self(format!("{sender}{SENDER_END}{}", self.0).into())
    }

    /// A key that was saved: an id, or one of a sender.
    pub(crate) fn key(text: &str) -> Result<Self, NameError> {
        match text.split_once(SENDER_END) {
            None => Self::new(text),
            Some((sender, id)) => {
                check_label(sender)?;
                Ok(Self::new(id)?.of_sender(sender))
            }
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for EventId {
    type Err = NameError;

    fn from_str(id: &str) -> Result<Self, NameError> {
        Self::new(id)
    }
}

/// A version 7 UUID ([RFC 9562 §5.7](https://www.rfc-editor.org/rfc/rfc9562#section-5.7)) with a
/// counter behind the time (§6.2, method 1). `Uuid::now_v7` would ask the system for random
/// bytes for each id.
fn generate_uuid(now: SystemTime) -> Uuid {
    let number = next_number(&LAST, milliseconds(now));
    let random = RANDOM.with_borrow_mut(Random::next);
    compose(number, random)
}

fn milliseconds(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

/// The time and counter of the next id. While the clock stands still or goes back, or when the
/// counter is full, the numbers go on from the last one.
fn next_number(last: &AtomicU64, now_ms: u64) -> u64 {
    let next = |last: u64| (last + 1).max(now_ms << COUNTER_BITS);
    let before = last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
        Some(next(last))
    });
    // The update cannot fail: it always has a value.
    before.map_or(0, next)
}

fn compose(number: u64, random: u64) -> Uuid {
    let milliseconds = u128::from(number >> COUNTER_BITS) & 0xFFFF_FFFF_FFFF;
    let high = u128::from(number >> COUNTER_LOW_BITS) & ((1 << COUNTER_HIGH_BITS) - 1);
    let low = u128::from(number) & ((1 << COUNTER_LOW_BITS) - 1);
    let random = u128::from(random) & ((1 << RANDOM_BITS) - 1);
    let (version, variant) = (7, 0b10);
    let head = milliseconds << 80 | version << 76 | high << 64;
    Uuid::from_u128(head | variant << 62 | low << RANDOM_BITS | random)
}

/// `SplitMix64`, seeded by the system.
struct Random {
    state: u64,
    /// Numbers until the next seed.
    left: u32,
}

impl Random {
    fn next(&mut self) -> u64 {
        if self.left == 0 {
            // Of a random UUID's halves, neither is random in all its bits; together they are.
            let (high, low) = Uuid::new_v4().as_u64_pair();
            self.state = high ^ low.rotate_left(32);
            self.left = IDS_PER_SEED;
        }
        self.left -= 1;
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn an_id_is_a_time_ordered_uuid() {
        let now = SystemTime::now();
        let before = milliseconds(now);
        let id = EventId::generate(now);
        let digits = id.as_str().strip_prefix("evt_").expect("the prefix");
        assert_eq!(digits.len(), 32);
        assert!(
            digits
                .bytes()
                .all(|byte| b"0123456789abcdef".contains(&byte))
        );
        let uuid = Uuid::parse_str(digits).unwrap();
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        let (seconds, nanoseconds) = uuid.get_timestamp().expect("a time").to_unix();
        let at = seconds * 1000 + u64::from(nanoseconds) / 1_000_000;
        // Ids of other tests may have run ahead of the clock by a few.
        assert!((before..before + 60_000).contains(&at), "{before} {at}");
    }

    #[test]
    fn ids_of_several_threads_are_unique_and_in_order() {
        const THREADS: usize = 8;
        const ROUNDS: usize = 50;
        const IDS: usize = 400;
        let barrier = Barrier::new(THREADS);
        let ids_of_one_thread = || {
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                // What is generated before the barrier is less than what is generated after it.
                barrier.wait();
                let ids: Vec<EventId> = (0..IDS)
                    .map(|_| EventId::generate(SystemTime::now()))
                    .collect();
                assert!(ids.is_sorted_by(|a, b| a.as_str() < b.as_str()));
                rounds.push(ids);
                barrier.wait();
            }
            rounds
        };
        let threads: Vec<Vec<Vec<EventId>>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(ids_of_one_thread))
                .collect();
            threads.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let mut seen = HashSet::new();
        let mut newest = String::new();
        for round in 0..ROUNDS {
            let ids = threads.iter().flat_map(|rounds| &rounds[round]);
            let ids: Vec<&str> = ids.map(EventId::as_str).collect();
            assert!(ids.iter().all(|&id| id > newest.as_str()));
            newest = (*ids.iter().max().unwrap()).to_owned();
            assert!(ids.into_iter().all(|id| seen.insert(id)));
        }
        assert_eq!(seen.len(), THREADS * ROUNDS * IDS);
    }

    #[test]
    fn numbers_grow_while_the_clock_stands_goes_back_or_the_counter_is_full() {
        let last = AtomicU64::new(0);
        let first = next_number(&last, 1000);
        assert_eq!(first, 1000 << COUNTER_BITS);
        assert_eq!(next_number(&last, 1000), first + 1);
        assert_eq!(next_number(&last, 10), first + 2);
        last.store((1001 << COUNTER_BITS) - 1, Ordering::Relaxed);
        assert_eq!(next_number(&last, 1000), 1001 << COUNTER_BITS);
        assert_eq!(next_number(&last, 2000), 2000 << COUNTER_BITS);
    }

    #[test]
    fn composed_ids_are_in_the_order_of_their_numbers() {
        let start = (1_800_000_000_000 << COUNTER_BITS) - 3;
        let random = [u64::MAX, 0];
        let ids: Vec<Uuid> = (0..300_000)
            .map(|at| compose(start + at, random[at as usize % 2]))
            .collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_seed_is_not_used_twice() {
        let mut random = Random { state: 0, left: 0 };
        random.next();
        let seed = random.state;
        random.left = 0;
        random.next();
        assert_ne!(random.state, seed);
        assert_eq!(random.left, IDS_PER_SEED - 1);
    }
}
