//! Who subscribes to what, who publishes what, and when: pure arithmetic over indices.

use super::cohort::{Cohorts, Role};
use super::popularity::ChannelPicker;
use crate::wire::json;
use std::time::Duration;

/// Everyone drops and comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storm {
    /// After the first publication.
    pub(crate) at: Duration,
    /// Ends with a reset instead of the end of the stream.
    pub(crate) reset: bool,
}

/// Everything about a run that is fixed before it starts. Indices: `conn` counts sockets, `channel` channels,
/// `publisher` publishers, and `stream` the pairs (channel, publisher) that occur.
#[derive(Clone, Debug)]
pub(crate) struct RunPlan {
    /// Tells this run's channels and messages from another tester's.
    pub(crate) run: u32,
    /// Decides every choice that is not arithmetic.
    pub(crate) seed: u64,
    /// The only socket to open, when one is replayed.
    pub(crate) only_conn: Option<u32>,
    /// Sockets to open.
    pub(crate) connections: u32,
    /// Sockets to open a second.
    pub(crate) connect_rate: f64,
    /// Rooms instead of channels: members say what publishers would publish. A socket is in one room, and
    /// publisher `p` of room `r` is the member `r + p * channels`.
    pub(crate) rooms: bool,
    /// Channels, or rooms, to spread the publications over.
    pub(crate) channels: u32,
    /// The channel of each publication.
    pub(crate) picker: ChannelPicker,
    /// Subscriptions a socket; at most `channels`.
    pub(crate) subs_per_conn: u32,
    /// Parallel publishers; of each room, when there are rooms.
    pub(crate) publishers: u32,
    /// Greatest common divisor of `channels` and `publishers` when channels take turns: publication `n` belongs
    /// to channel `n % channels` and publisher `n % publishers`, so both agree modulo this. Otherwise 1.
    pub(crate) common: u32,
    /// Publications a second over all publishers.
    pub(crate) rate: f64,
    /// How long publications are due.
    pub(crate) duration: Duration,
    /// Sockets a second that leave properly and come back.
    pub(crate) churn: f64,
    pub(crate) storm: Option<Storm>,
    /// Whoever was dropped comes back within this time, evenly spread; zero for at once.
    pub(crate) reconnect: Duration,
    /// Sockets a second that the tester drops without a word, by a reset and the end of the stream in turn.
    pub(crate) drops: f64,
    /// Whoever was dropped comes back with its position in each channel, and is owed what it missed.
    pub(crate) positions: bool,
    pub(crate) cohorts: Cohorts,
    /// Other clients break the protocol meanwhile.
    pub(crate) attacks: bool,
    /// Bytes of an event's `data`.
    pub(crate) payload_bytes: u32,
}

impl RunPlan {
    /// Publications of the whole run.
    pub(crate) fn publications(&self) -> u64 {
        (self.rate * self.duration.as_secs_f64()).round() as u64
    }

    /// Whether every socket stays from the first publication to the last, as far as the tester is concerned.
    pub(crate) fn is_steady(&self) -> bool {
        self.only_conn.is_none()
            && self.churn <= 0.0
            && self.storm.is_none()
            && self.drops <= 0.0
            && self.cohorts.shares.is_empty()
    }

    /// Whether every socket is owed every publication: it stays, or comes back with its positions.
    pub(crate) fn expects_all(&self) -> bool {
        self.is_steady()
            || self.positions
                && self.only_conn.is_none()
                && self.churn <= 0.0
                && self.cohorts.shares.is_empty()
    }

    /// Whether a socket is opened at all.
    pub(crate) fn opens(&self, conn: u32) -> bool {
        self.only_conn.is_none_or(|only| only == conn)
    }

    /// Sockets that are opened.
    pub(crate) fn sockets(&self) -> u32 {
        if self.only_conn.is_some() {
            1
        } else {
            self.connections
        }
    }

    /// Sockets that are to become ready: all but those that stall in their handshake.
    pub(crate) fn ready_sockets(&self) -> u32 {
        if self.cohorts.shares.is_empty() {
            return self.sockets();
        }
        (0..self.connections)
            .filter(|&conn| self.opens(conn) && self.role(conn) != Role::HandshakeStall)
            .count() as u32
    }

    /// How a socket behaves.
    pub(crate) fn role(&self, conn: u32) -> Role {
        self.cohorts.role(conn, self.seed)
    }

    /// How long a socket that was dropped waits before it comes back.
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

    /// Whether a socket is the publisher of a stream, which therefore does not come to it.
    pub(crate) fn is_author(&self, conn: u32, stream: usize) -> bool {
        self.rooms && {
            let stream = stream as u32;
            self.room_publisher(stream / self.publishers, stream % self.publishers) == conn
        }
    }

    /// Whether a socket is a publisher.
    pub(crate) fn is_room_publisher(&self, conn: u32) -> bool {
        self.rooms && conn / self.channels < self.publishers
    }

    /// Threads that publish; rooms have none, their members are at the workers.
    pub(crate) fn publisher_threads(&self) -> u32 {
        if self.rooms { 0 } else { self.publishers }
    }

    /// How often a socket hears that another joined its room, if nobody leaves: whoever comes is announced to
    /// all who were there.
    pub(crate) fn announcements(&self) -> u64 {
        (0..self.channels)
            .map(|room| {
                let more = u32::from(room < self.connections % self.channels);
                u64::from(self.connections / self.channels + more)
            })
            .map(|members| members * members.saturating_sub(1) / 2)
            .sum()
    }

    /// `10 channels`.
    pub(crate) fn topics(&self) -> String {
        let what = if self.rooms { "room" } else { "channel" };
        let plural = if self.channels == 1 { "" } else { "s" };
        format!("{} {what}{plural}", self.channels)
    }

    /// The command that makes a socket hear a channel, or a member of a room; with positions, since the one it has.
    pub(crate) fn subscribe_command(&self, channel: u32, since: Option<(u64, &str)>) -> String {
        let more = match since {
            Some((offset, epoch)) => {
                format!(r#","since":{{"offset":{offset},"epoch":"{epoch}"}}"#)
            }
            None if self.positions => r#","positions":true"#.to_owned(),
            None => String::new(),
        };
        self.command(channel, "subscribe", "join", &more)
    }

    /// The command that ends it.
    pub(crate) fn unsubscribe_command(&self, channel: u32) -> String {
        self.command(channel, "unsubscribe", "leave", "")
    }

    /// What stands before the content of a message to a room.
    pub(crate) fn message_head(&self, room: u32) -> String {
        let name = self.channel_name(room);
        format!(r#"{{"type":"message","room":"{name}","content":"#)
    }

    fn command(&self, channel: u32, of_channel: &str, of_room: &str, more: &str) -> String {
        let (kind, what) = if self.rooms {
            (of_room, "room")
        } else {
            (of_channel, "channel")
        };
        let name = self.channel_name(channel);
        format!(r#"{{"type":"{kind}","{what}":"{name}"{more}}}"#)
    }

    /// The name of a channel on the wire.
    pub(crate) fn channel_name(&self, channel: u32) -> String {
        format!("lt.{:08x}.{channel}", self.run)
    }

    /// The index of a channel's name; `None` when it is not of this run.
    pub(crate) fn channel_index(&self, name: &[u8]) -> Option<u32> {
        let rest = name.strip_prefix(b"lt.")?;
        let (run, index) = (rest.get(..8)?, rest.get(8..)?.strip_prefix(b".")?);
        let run = run.iter().try_fold(0, |number, byte| {
            Some(number << 4 | char::from(*byte).to_digit(16)?)
        });
        let index = json::integer(index)?;
        (run == Some(self.run) && index < u64::from(self.channels)).then_some(index as u32)
    }

    /// Publishers that share a channel.
    pub(crate) fn publishers_per_channel(&self) -> u32 {
        self.publishers / self.common
    }

    /// The stream of a pair; `None` when that publisher never publishes to that channel.
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

    /// The channels of a socket.
    pub(crate) fn channels_of(&self, conn: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.first_channel(conn);
        (0..self.subs_per_conn).map(move |i| (first + i) % self.channels)
    }

    /// Where `channel` stands among the subscriptions of `conn`; `None` when it is not subscribed.
    pub(crate) fn position(&self, conn: u32, channel: u32) -> Option<u32> {
        let distance = (channel + self.channels - self.first_channel(conn)) % self.channels;
        (distance < self.subs_per_conn).then_some(distance)
    }

    fn first_channel(&self, conn: u32) -> u32 {
        (u64::from(conn) * u64::from(self.subs_per_conn) % u64::from(self.channels)) as u32
    }

    /// How many publishers carry `rate` when each waits for its acknowledgement before it sends again: one
    /// per 100/s, so that an acknowledgement may take 10 ms, and where possible a divisor or a
    /// multiple of the channels, so that a channel's order is checked over as few streams as possible.
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
    fn finds_its_own_channel_names_and_no_others() {
        let plan = plan(1, 12, 1, 1);
        for channel in 0..12 {
            assert_eq!(
                plan.channel_index(plan.channel_name(channel).as_bytes()),
                Some(channel)
            );
        }
        for name in [
            "lt.0000abcd.12",
            "lt.0000abce.1",
            "general",
            "lt.",
            "lt.0000abcd1",
        ] {
            assert_eq!(plan.channel_index(name.as_bytes()), None, "{name}");
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
    fn positions_agree_with_the_channels_of_a_socket() {
        let plan = plan(50, 10, 3, 1);
        for conn in 0..50 {
            let channels: Vec<u32> = plan.channels_of(conn).collect();
            for channel in 0..10 {
                let place = channels.iter().position(|c| *c == channel);
                assert_eq!(
                    plan.position(conn, channel),
                    place.map(|p| p as u32),
                    "{conn} {channel}"
                );
            }
        }
    }

    #[test]
    fn knows_who_talks_in_a_room() {
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
        assert_eq!(
            plan.subscribe_command(2, None),
            r#"{"type":"join","room":"lt.0000abcd.2"}"#
        );
        assert_eq!(
            plan.subscribe_command(2, Some((41, "a8"))),
            r#"{"type":"join","room":"lt.0000abcd.2","since":{"offset":41,"epoch":"a8"}}"#
        );
    }

    #[test]
    fn uses_more_publishers_for_more_rate() {
        assert_eq!(RunPlan::publishers_for(100.0, 10), 1);
        assert_eq!(RunPlan::publishers_for(300.0, 10), 5);
        assert_eq!(RunPlan::publishers_for(1000.0, 1), 10);
        assert_eq!(RunPlan::publishers_for(100_000.0, 10), 32);
    }
}
