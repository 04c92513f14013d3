//! Who subscribes to what, and who publishes what: arithmetic on indices.

use super::arrivals::Arrivals;
use super::cohort::{Cohorts, Role};
use super::popularity::ChannelPicker;
use super::schedule::Schedule;
use super::stages::Stages;
use super::storm::Storm;
use std::time::Duration;

/// Everything about a run that is fixed before it starts.
///
/// Sockets, channels and publishers are numbered from 0 (`conn`, `channel`, `publisher`). A *stream* is what one
/// publisher sends to one channel; `stream` numbers the pairs that occur.
#[derive(Clone, Debug)]
pub(crate) struct RunPlan {
    /// Tells the channels and messages of this run from those of another tester.
    pub(crate) run: u32,
    /// Seed of every random choice.
    pub(crate) seed: u64,
    /// The only socket to open, to replay a failure.
    pub(crate) only_conn: Option<u32>,
    /// Sockets to open.
    pub(crate) connections: u32,
    /// Sockets to open per second.
    pub(crate) connect_rate: f64,
    /// Rooms instead of channels: members send what publishers would publish. Every socket is in one room, and publisher
    /// `p` of room `r` is socket `r + p * channels`.
    pub(crate) rooms: bool,
    /// Number of channels, or of rooms.
    pub(crate) channels: u32,
    /// Picks the channel of each publication.
    pub(crate) picker: ChannelPicker,
    /// Subscriptions per socket; at most `channels`.
    pub(crate) subs_per_conn: u32,
    /// Parallel publishers; with rooms, publishers per room.
    pub(crate) publishers: u32,
    /// Greatest common divisor of `channels` and `publishers` if channels take turns: publication `n` then goes to channel
    /// `n % channels` from publisher `n % publishers`, so only pairs that are equal modulo this number occur. 1 otherwise.
    pub(crate) common: u32,
    /// Publications per second, over all publishers.
    pub(crate) rate: f64,
    /// How long to publish.
    pub(crate) duration: Duration,
    /// How sockets and rate change meanwhile. If they set the sockets, `connections` is the highest number, and likewise with
    /// `rate`.
    pub(crate) stages: Stages,
    pub(crate) arrivals: Arrivals,
    /// Sockets per second that unsubscribe, close and reconnect.
    pub(crate) churn: f64,
    pub(crate) storm: Option<Storm>,
    /// Dropped sockets reconnect after a delay between zero and this, evenly spread.
    pub(crate) reconnect: Duration,
    /// Sockets per second that the tester drops without a Close frame, alternating between reset and end of stream.
    pub(crate) drops: f64,
    /// Dropped sockets resume from their position in each channel, and are expected to receive what they missed.
    pub(crate) positions: bool,
    pub(crate) cohorts: Cohorts,
    /// Additional clients violate the protocol during the run.
    pub(crate) attacks: bool,
    /// Size of the payload of a publication.
    pub(crate) payload_bytes: u32,
}

impl RunPlan {
    /// Number of publications of the whole run.
    pub(crate) fn publications(&self) -> u64 {
        let all = if self.stages.set_rates() {
            self.stages.publications()
        } else {
            self.rate * self.duration.as_secs_f64()
        };
        all.round() as u64
    }

    /// When each of them is due.
    pub(crate) fn schedule(&self) -> Schedule {
        let ramps = if self.stages.set_rates() {
            self.stages.ramps()
        } else {
            Vec::new()
        };
        Schedule::with_ramps(self.rate, ramps, self.duration, self.arrivals.clone())
    }

    /// Number of sockets that are opened before the first publication.
    pub(crate) fn sockets_at_start(&self) -> u32 {
        if self.stages.set_connections() {
            0
        } else {
            self.sockets()
        }
    }

    /// Whether the tester keeps every socket open from the first publication to the last.
    pub(crate) fn is_steady(&self) -> bool {
        self.only_conn.is_none()
            && self.churn <= 0.0
            && self.storm.is_none()
            && self.drops <= 0.0
            && !self.stages.set_connections()
            && self.cohorts.shares.is_empty()
    }

    /// Whether every socket is expected to receive every publication: because it stays, or because it resumes.
    pub(crate) fn expects_all(&self) -> bool {
        self.is_steady()
            || self.positions
                && self.only_conn.is_none()
                && self.churn <= 0.0
                && !self.stages.set_connections()
                && self.cohorts.shares.is_empty()
    }

    /// Whether a socket is opened.
    pub(crate) fn opens(&self, conn: u32) -> bool {
        self.only_conn.is_none_or(|only| only == conn)
    }

    /// Number of sockets that are opened.
    pub(crate) fn sockets(&self) -> u32 {
        if self.only_conn.is_some() {
            1
        } else {
            self.connections
        }
    }

    /// Number of sockets that should become ready: all but those that stall their handshake.
    pub(crate) fn ready_sockets(&self) -> u32 {
        if self.cohorts.shares.is_empty() {
            return self.sockets();
        }
        (0..self.connections)
            .filter(|&conn| self.opens(conn) && self.role(conn) != Role::HandshakeStall)
            .count() as u32
    }

    /// How a socket behaves once the faults start.
    pub(crate) fn role(&self, conn: u32) -> Role {
        self.cohorts.role(conn, self.seed)
    }

    /// How long a dropped socket waits before it reconnects.
    pub(crate) fn return_delay(&self, conn: u32) -> Duration {
        let jitter = self.reconnect;
        let place = (u64::from(conn) ^ self.seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        jitter.mul_f64(place as f64 / f64::from(1 << 24))
    }

    /// The channel of publication `n`.
    pub(crate) fn channel_of(&self, n: u64) -> u32 {
        self.picker.of(n)
    }

    /// The publisher of publication `n`.
    pub(crate) fn publisher_of(&self, n: u64) -> u32 {
        (n % u64::from(self.publishers)) as u32
    }

    /// The socket that is publisher `publisher` of a room.
    pub(crate) fn room_publisher(&self, room: u32, publisher: u32) -> u32 {
        room + publisher * self.channels
    }

    /// Whether a socket publishes a stream, and therefore does not receive it.
    pub(crate) fn is_author(&self, conn: u32, stream: usize) -> bool {
        self.rooms && {
            let stream = stream as u32;
            self.room_publisher(stream / self.publishers, stream % self.publishers) == conn
        }
    }

    /// Whether a socket publishes to its room.
    pub(crate) fn is_room_publisher(&self, conn: u32) -> bool {
        self.rooms && conn / self.channels < self.publishers
    }

    /// Number of publisher threads. None with rooms, whose members publish from the worker threads.
    pub(crate) fn publisher_threads(&self) -> u32 {
        if self.rooms { 0 } else { self.publishers }
    }

    /// Number of `user_joined` messages over all sockets if nobody leaves: each member is announced to those who joined
    /// before it.
    pub(crate) fn announcements(&self) -> u64 {
        (0..self.channels)
            .map(|room| {
                let more = u32::from(room < self.connections % self.channels);
                u64::from(self.connections / self.channels + more)
            })
            .map(|members| members * members.saturating_sub(1) / 2)
            .sum()
    }

    /// The number of channels or rooms in words: `10 channels`.
    pub(crate) fn topics(&self) -> String {
        let what = if self.rooms { "room" } else { "channel" };
        let plural = if self.channels == 1 { "" } else { "s" };
        format!("{} {what}{plural}", self.channels)
    }

    /// Number of publishers that share a channel.
    pub(crate) fn publishers_per_channel(&self) -> u32 {
        self.publishers / self.common
    }

    /// The stream of a pair. `None` if this publisher never publishes to this channel.
    pub(crate) fn stream(&self, channel: u32, publisher: u32) -> Option<usize> {
        (channel < self.channels
            && publisher < self.publishers
            && channel % self.common == publisher % self.common)
            .then(|| (channel * self.publishers_per_channel() + publisher / self.common) as usize)
    }

    /// Number of streams.
    pub(crate) fn streams(&self) -> usize {
        (self.channels * self.publishers_per_channel()) as usize
    }

    /// The channels that a socket subscribes to.
    pub(crate) fn channels_of(&self, conn: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.first_channel(conn);
        (0..self.subs_per_conn).map(move |i| (first + i) % self.channels)
    }

    /// The index of `channel` among the subscriptions of `conn`. `None` if it is not subscribed.
    pub(crate) fn subscription_index(&self, conn: u32, channel: u32) -> Option<u32> {
        let distance = (channel + self.channels - self.first_channel(conn)) % self.channels;
        (distance < self.subs_per_conn).then_some(distance)
    }

    fn first_channel(&self, conn: u32) -> u32 {
        (u64::from(conn) * u64::from(self.subs_per_conn) % u64::from(self.channels)) as u32
    }

    /// The default number of publishers for `rate`. A publisher waits for each response before it sends again, so there is
    /// one per 100/s, which leaves 10 ms for a response. If possible the number divides `channels` or is a multiple of it,
    /// which keeps the number of streams small.
    pub(crate) fn publishers_for(rate: f64, channels: u32) -> u32 {
        const MAX: u32 = 32;
        let least = ((rate / 100.0).ceil() as u32).clamp(1, MAX);
        (least..=MAX)
            .find(|n| channels.is_multiple_of(*n) || n.is_multiple_of(channels))
            .unwrap_or(least)
    }
}

/// Greatest common divisor.
pub(crate) fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::plan::popularity::Popularity;

    pub(crate) fn plan(
        connections: u32,
        channels: u32,
        subs_per_conn: u32,
        publishers: u32,
    ) -> RunPlan {
        RunPlan {
            run: 0xabcd,
            seed: 1,
            only_conn: None,
            connections,
            connect_rate: 1000.0,
            rooms: false,
            channels,
            picker: ChannelPicker::new(Popularity::Even, channels, 1),
            subs_per_conn,
            publishers,
            common: gcd(channels, publishers),
            rate: 100.0,
            duration: Duration::from_secs(1),
            stages: Stages::default(),
            arrivals: Arrivals::constant(),
            churn: 0.0,
            storm: None,
            reconnect: Duration::ZERO,
            drops: 0.0,
            positions: false,
            cohorts: Cohorts::default(),
            attacks: false,
            payload_bytes: 256,
        }
    }

    #[test]
    fn gives_every_pair_that_occurs_its_own_stream() {
        for (channels, publishers) in [(10, 1), (10, 5), (1, 8), (10, 4), (7, 3), (6, 9)] {
            let plan = plan(1, channels, 1, publishers);
            let mut pairs: Vec<(u32, u32)> = (0..1000u64)
                .map(|n| (plan.channel_of(n), (n % u64::from(publishers)) as u32))
                .collect();
            pairs.sort_unstable();
            pairs.dedup();
            let mut streams: Vec<usize> = pairs
                .iter()
                .map(|&(c, p)| plan.stream(c, p).expect("the pair occurs"))
                .collect();
            streams.sort_unstable();
            assert_eq!(streams, (0..plan.streams()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn indexes_the_channels_of_a_socket() {
        let plan = plan(50, 10, 3, 1);
        for conn in 0..50 {
            let channels: Vec<u32> = plan.channels_of(conn).collect();
            for channel in 0..10 {
                let place = channels.iter().position(|c| *c == channel);
                assert_eq!(
                    plan.subscription_index(conn, channel),
                    place.map(|p| p as u32),
                    "{conn} {channel}"
                );
            }
        }
    }

    #[test]
    fn knows_who_publishes_to_a_room() {
        let mut plan = plan(11, 5, 1, 2);
        plan.rooms = true;
        plan.common = 1;
        let talkers: Vec<u32> = (0..11)
            .filter(|&conn| plan.is_room_publisher(conn))
            .collect();
        assert_eq!(talkers, (0..10).collect::<Vec<_>>());
        for (room, publisher) in [(0, 0), (3, 1), (4, 1)] {
            let stream = plan.stream(room, publisher).expect("every pair occurs");
            let room_publisher = plan.room_publisher(room, publisher);
            assert_eq!(plan.channels_of(room_publisher).collect::<Vec<_>>(), [room]);
            let is_author: Vec<u32> = (0..11)
                .filter(|&conn| plan.is_author(conn, stream))
                .collect();
            assert_eq!(is_author, [room_publisher]);
        }
        // One room of three and four of two.
        assert_eq!(plan.announcements(), 3 + 4);
    }

    #[test]
    fn uses_more_publishers_for_more_rate() {
        assert_eq!(RunPlan::publishers_for(100.0, 10), 1);
        assert_eq!(RunPlan::publishers_for(300.0, 10), 5);
        assert_eq!(RunPlan::publishers_for(1000.0, 1), 10);
        assert_eq!(RunPlan::publishers_for(100_000.0, 10), 32);
    }
}
