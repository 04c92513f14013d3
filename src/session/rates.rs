//! The rates of one connection: what its client has left, and what becomes of what is too much.

use std::time::{Duration, Instant};

use super::accepted::{Parsed, subject_of};
use crate::limits::{Bucket, ConnectionMeters, Empty, Limit, Window};
use crate::node::Node;
use crate::protocol::{ClientMessage, ErrorCode, Refusal};

/// A client is told so often per second that it sends too much. The rest is only counted.
const TOLD_PER_SECOND: u32 = 10;
/// A client is closed when so much of what it sends is refused …
const MAX_REFUSED: u32 = 100;
/// … within this time.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

/// What the client of one connection has left. It takes memory only once something was taken from it.
#[derive(Debug, Default)]
pub(super) struct Rates(Option<Box<Buckets>>);

#[derive(Debug, Default)]
struct Buckets {
    commands: Bucket,
    bytes: Bucket,
    control_frames: Bucket,
    presence_updates: Bucket,
    told: Window,
    refused: Window,
}

/// A command that is too much.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMuch {
    /// The limit that was reached.
    pub(super) limit: Limit,
    pub(super) answer: Answer,
}

/// What follows a command that is too much.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The client is told.
    Refuse(Refusal),
    /// It was told often enough.
    Nothing,
    /// The connection is closed (4002).
    Close,
}

impl Rates {
    fn buckets(&mut self) -> &mut Buckets {
        self.0.get_or_insert_default()
    }

    /// Takes the bytes of a message.
    ///
    /// Errors: the refusal of every command in it.
    pub(super) fn take_bytes(
        &mut self,
        meters: &ConnectionMeters,
        bytes: usize,
        now: Instant,
    ) -> Result<(), Refusal> {
        let Some(meter) = &meters.bytes else {
            return Ok(());
        };
        let taken = meter.take(&mut self.buckets().bytes, bytes as u64, now);
        taken.map_err(|empty| refusal(empty, meter.depth()).of_bytes())
    }

    /// Takes a ping or a pong. False if there are too many.
    pub(super) fn take_control_frame(&mut self, meters: &ConnectionMeters, now: Instant) -> bool {
        let Some(meter) = &meters.control_frames else {
            return true;
        };
        meter
            .take(&mut self.buckets().control_frames, 1, now)
            .is_ok()
    }

    /// Takes a command, whether it will be carried out or refused.
    pub(super) fn take_command(
        &mut self,
        meters: &ConnectionMeters,
        command: &Parsed,
        now: Instant,
    ) -> Result<(), TooMuch> {
        let buckets = self.buckets();
        if let Some(meter) = &meters.commands
            && let Err(empty) = meter.take(&mut buckets.commands, 1, now)
        {
            let refusal = refusal(empty, meter.depth()).about(subject_of(command));
            return Err(buckets.too_much(Limit::Commands, refusal, meters.elapsed(now)));
        }
        if let Err(refused) = command
            && refused.refusal.code == ErrorCode::RateLimited
        {
            let refusal = refused.refusal.clone();
            return Err(buckets.too_much(Limit::Bytes, refusal, meters.elapsed(now)));
        }
        if let (Ok(command_), Some(meter)) = (command, &meters.presence_updates)
            && is_presence_update(&command_.message)
            && let Err(empty) = meter.take(&mut buckets.presence_updates, 1, now)
        {
            let refusal = refusal(empty, meter.depth()).about(subject_of(command));
            let answer = buckets.tell(refusal, meters.elapsed(now));
            return Err(TooMuch {
                limit: Limit::PresenceUpdates,
                answer,
            });
        }
        Ok(())
    }
}

impl Buckets {
    fn too_much(&mut self, limit: Limit, refusal: Refusal, now: Duration) -> TooMuch {
        let refused = self.refused.count(REFUSED_WITHIN, now);
        let answer = match refused {
            ..MAX_REFUSED => self.tell(refusal, now),
            MAX_REFUSED => Answer::Close,
            _ => Answer::Nothing,
        };
        TooMuch { limit, answer }
    }

    /// Whether the client is told once more.
    fn tell(&mut self, refusal: Refusal, now: Duration) -> Answer {
        if self.told.count(Duration::from_secs(1), now) > TOLD_PER_SECOND {
            Answer::Nothing
        } else {
            Answer::Refuse(refusal)
        }
    }
}

/// Takes the bytes of a message; `None` for one that was too large to be kept.
///
/// Errors: the refusal of every command in it.
pub(super) fn take_bytes(
    node: &Node,
    rates: &mut Rates,
    bytes: Option<usize>,
) -> Result<(), Refusal> {
    let Some(meters) = node.connection_meters() else {
        return Ok(());
    };
    let bytes = bytes.unwrap_or_else(|| node.options().max_message_bytes);
    rates.take_bytes(meters, bytes, Instant::now())
}

/// Takes a ping or a pong. False if there are too many.
pub(super) fn take_control_frame(node: &Node, rates: &mut Rates) -> bool {
    let Some(meters) = node.connection_meters() else {
        return true;
    };
    let is_taken = rates.take_control_frame(meters, Instant::now());
    if !is_taken {
        node.count_limited(Limit::ControlFrames);
    }
    is_taken
}

fn refusal(empty: Empty, depth: Duration) -> Refusal {
    let wait = match empty {
        Empty::For(time) => time,
        Empty::Always => depth,
    };
    Refusal::new(ErrorCode::RateLimited).with_retry_after(wait)
}

/// Whether a command asks who is there, and so counts against `presence_updates`.
fn is_presence_update(message: &ClientMessage) -> bool {
    match message {
        ClientMessage::Join { presence, .. } | ClientMessage::Subscribe { presence, .. } => {
            *presence == Some(true)
        }
        ClientMessage::RoomPresence { .. } | ClientMessage::ChannelPresence { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{ConnectionRates, Rate, RateLimit};
    use crate::protocol::{Command, Subject};

    fn ping() -> Command {
        let message = ClientMessage::Ping;
        Command { id: None, message }
    }

    fn limit(per_second: u64, burst: u64) -> Option<RateLimit> {
        let rate = Rate::parse(&format!("{per_second}/s")).ok();
        rate.map(|rate| RateLimit::new(rate, burst))
    }

    fn meters(rates: &ConnectionRates, now: Instant) -> ConnectionMeters {
        ConnectionMeters::new(rates, now).expect("some")
    }

    #[test]
    fn a_connection_that_sends_nothing_has_no_buckets_and_others_have_small_ones() {
        assert_eq!(size_of::<Rates>(), 8);
        assert!(size_of::<Buckets>() <= 48);
        assert!(Rates::default().0.is_none());
    }

    #[test]
    fn a_client_is_told_ten_times_per_second_and_closed_at_the_hundredth_refusal() {
        let start = Instant::now();
        let rates = ConnectionRates {
            commands: limit(1, 5),
            ..ConnectionRates::default()
        };
        let (meters, mut rates) = (meters(&rates, start), Rates::default());
        let mut take = |now| rates.take_command(&meters, &Ok(ping()), now);
        for _ in 0..5 {
            assert_eq!(take(start), Ok(()));
        }
        let mut answers = Vec::new();
        for n in 0..99_u32 {
            let now = start + Duration::from_millis(u64::from(n / 50) * 990);
            let refused = take(now).unwrap_err();
            assert_eq!(refused.limit, Limit::Commands);
            answers.push(refused.answer);
        }
        let told = answers.iter().filter(|&answer| *answer != Answer::Nothing);
        assert_eq!(told.count(), 10);
        let first = Refusal::new(ErrorCode::RateLimited).with_retry_after(Duration::from_secs(1));
        assert_eq!(answers[0], Answer::Refuse(first));
        assert_eq!(
            take(start + Duration::from_millis(990)).unwrap_err().answer,
            Answer::Close
        );
        assert_eq!(
            take(start + Duration::from_millis(990)).unwrap_err().answer,
            Answer::Nothing
        );
    }

    #[test]
    fn a_client_that_is_refused_now_and_then_is_not_closed() {
        let start = Instant::now();
        let rates = ConnectionRates {
            commands: limit(1, 1),
            ..ConnectionRates::default()
        };
        let (meters, mut rates) = (meters(&rates, start), Rates::default());
        let mut refused = 0;
        for n in 0..1000 {
            let now = start + Duration::from_millis(n * 111);
            if let Err(too_much) = rates.take_command(&meters, &Ok(ping()), now) {
                assert_ne!(too_much.answer, Answer::Close);
                refused += 1;
            }
        }
        assert!(refused > 800, "{refused}");
    }

    #[test]
    fn a_message_that_is_larger_than_the_burst_may_be_tried_when_the_bucket_is_full() {
        let start = Instant::now();
        let rates = ConnectionRates {
            bytes: limit(100, 1000),
            ..ConnectionRates::default()
        };
        let (meters, mut rates) = (meters(&rates, start), Rates::default());
        let refused = rates.take_bytes(&meters, 1001, start).unwrap_err();
        assert_eq!(refused.retry_after_ms(), Some(10_000));
        assert!(refused.is_of_bytes());
        assert_eq!(rates.take_bytes(&meters, 1000, start), Ok(()));
        let refused = rates.take_bytes(&meters, 25, start).unwrap_err();
        assert_eq!(refused.retry_after_ms(), Some(250));
        assert_eq!(refused.subject, Subject::None);
    }

    #[test]
    fn pings_have_a_rate_of_their_own() {
        let start = Instant::now();
        let rates = ConnectionRates {
            control_frames: limit(10, 2),
            ..ConnectionRates::default()
        };
        let (meters, mut rates) = (meters(&rates, start), Rates::default());
        let mut take = |ms| rates.take_control_frame(&meters, start + Duration::from_millis(ms));
        assert_eq!(
            [take(0), take(0), take(0), take(99), take(100)],
            [true, true, false, false, true]
        );
    }
}
