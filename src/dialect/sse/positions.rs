//! A client's positions in all of its channels, encoded as one event id.
//!
//! A browser remembers only the id of the last event and sends it when it reconnects. So each id
//! contains the positions in all channels, and a client that resumes from an id resumes them all:
//!
//! ```text
//! x3Kf9aLq0_Zd.x8fK2pQz2a~Wm2-7cTYb1Qe.vu7dEr8s3
//! └ epoch ───┘ └ tag ─┘└┘ offset, in hexadecimal
//! ```
//!
//! A tag is a hash of the channel's name. It keeps ids short, and lets the next request name
//! other channels. Ids contain no secrets and are not trusted.

use std::io::Write as _;

use super::record::Mark;
use super::tag::{Tag, tag_of};
use crate::protocol::{ChannelName, Position};

const CHANNEL_SEPARATOR: char = '.';
const EPOCH_SEPARATOR: char = '~';
/// An epoch that no topic has, so that nothing is recovered from it.
const UNKNOWN_EPOCH: &str = "unknown";

/// A client's positions in the channels of its event stream.
#[derive(Debug)]
pub struct Positions(Box<[ChannelPosition]>);

#[derive(Debug)]
struct ChannelPosition {
    tag: Tag,
    /// `None` if the channel keeps no history.
    position: Option<Position>,
}

impl Positions {
    /// The positions in `last_event_id`, which is `None` for a new stream. Also returns, for
    /// each channel, the position to resume from.
    ///
    /// A channel that is not in the id starts without a position. If the id does not have this
    /// format, every channel resumes from an unknown epoch, so that its answer says that nothing
    /// could be recovered.
    pub fn new(
        channels: &[ChannelName],
        last_event_id: Option<&str>,
    ) -> (Self, Vec<Option<Position>>) {
        let known = last_event_id.map_or(Some(Vec::new()), parse);
        let positions = channels.iter().map(|channel| {
            let tag = tag_of(channel.as_str());
            let found = known.iter().flatten().find(|(known, _)| *known == tag);
            ChannelPosition {
                tag,
                position: found.map(|(_, position)| position.clone()),
            }
        });
        let positions = Self(positions.collect());
        let since = positions.0.iter().map(|channel| match &known {
            Some(_) => channel.position.clone(),
            None => Position::new(0, UNKNOWN_EPOCH),
        });
        let since = since.collect();
        (positions, since)
    }

    /// Applies what an event does to a position. Returns whether one was set or moved.
    pub(super) fn apply(&mut self, tag: Tag, mark: Mark<'_>) -> bool {
        let mut channels = self.0.iter_mut();
        let Some(channel) = channels.find(|channel| channel.tag == tag) else {
            return false;
        };
        match (mark, &mut channel.position) {
            (Mark::Begin(begin), position) => {
                *position = begin.and_then(|(offset, epoch)| Position::new(offset, epoch));
                position.is_some()
            }
            (Mark::Advance(offset), Some(position)) => {
                position.offset = offset;
                true
            }
            (Mark::Advance(_), None) => false,
        }
    }

    /// Appends the id of the current positions. It has at most 16 KiB for 256 channels, usually
    /// about 25 bytes per channel.
    pub fn write_id(&self, out: &mut Vec<u8>) {
        let mut last_epoch = None;
        let known = self.0.iter().filter_map(|channel| {
            let position = channel.position.as_ref()?;
            Some((&channel.tag, position))
        });
        for (tag, Position { offset, epoch }) in known {
            if last_epoch != Some(epoch) {
                if last_epoch.is_some() {
                    out.push(EPOCH_SEPARATOR as u8);
                }
                out.extend_from_slice(epoch.as_bytes());
                last_epoch = Some(epoch);
            }
            out.push(CHANNEL_SEPARATOR as u8);
            out.extend_from_slice(tag);
            // Writing to a Vec cannot fail.
            let _ = write!(out, "{offset:x}");
        }
    }
}

fn parse(id: &str) -> Option<Vec<(Tag, Position)>> {
    let mut known = Vec::new();
    for group in id.split(EPOCH_SEPARATOR) {
        let mut parts = group.split(CHANNEL_SEPARATOR);
        // Checked, because this epoch is written into the stream's lines until the server
        // sends its own.
        let epoch = parts.next().filter(|epoch| is_plain(epoch))?;
        for part in parts {
            let (tag, offset) = part.as_bytes().split_first_chunk()?;
            let offset = str::from_utf8(offset).ok()?;
            let offset = u64::from_str_radix(offset, 16).ok()?;
            known.push((*tag, Position::new(offset, epoch)?));
        }
    }
    (!known.is_empty()).then_some(known)
}

fn is_plain(epoch: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    epoch.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels(names: &[&str]) -> Vec<ChannelName> {
        names
            .iter()
            .map(|name| ChannelName::new(name).unwrap())
            .collect()
    }

    fn id(positions: &Positions) -> String {
        let mut out = Vec::new();
        positions.write_id(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn position(offset: u64, epoch: &str) -> Option<Position> {
        Position::new(offset, epoch)
    }

    #[test]
    fn an_id_restores_the_position_of_every_channel_in_any_order() {
        let names = channels(&["news", "a\"b", "köln", "quiet"]);
        let (mut positions, since) = Positions::new(&names, None);
        assert_eq!(since, [None, None, None, None]);
        assert_eq!(id(&positions), "");
        for (channel, mark) in [
            ("news", Mark::Begin(Some((45, "e-0")))),
            ("a\"b", Mark::Begin(Some((5, "e-0")))),
            ("köln", Mark::Begin(Some((0, "e-1")))),
            ("news", Mark::Advance(46)),
            ("a\"b", Mark::Advance(6)),
            ("a\"b", Mark::Advance(8)),
        ] {
            assert!(positions.apply(tag_of(channel), mark), "{channel} {mark:?}");
        }
        for (channel, mark) in [
            ("quiet", Mark::Begin(None)),
            ("quiet", Mark::Advance(7)),
            ("other", Mark::Advance(99)),
        ] {
            assert!(
                !positions.apply(tag_of(channel), mark),
                "{channel} {mark:?}"
            );
        }
        let id = id(&positions);
        assert!(
            id.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
            "{id}"
        );
        let others = channels(&["new", "köln", "quiet", "a\"b", "news"]);
        let (again, since) = Positions::new(&others, Some(&id));
        let expected = [
            None,
            position(0, "e-1"),
            None,
            position(8, "e-0"),
            position(46, "e-0"),
        ];
        assert_eq!(since, expected);
        // Before any message arrives, the id gives the same positions as before.
        assert_eq!(Positions::new(&others, Some(&self::id(&again))).1, expected);
    }

    #[test]
    fn a_foreign_id_resumes_from_an_unknown_epoch() {
        let names = channels(&["news"]);
        for foreign in [
            "",
            "42",
            "e-0",
            "e-0.short1",
            "e-0.12345678",
            "e.12345678xyz",
            ".123456781",
            "~",
            "e\ndata: mine\n.W7qgOoBv1",
            "e\r.W7qgOoBv1",
            "e .W7qgOoBv1",
            "\u{e9}.W7qgOoBv1",
        ] {
            let (positions, since) = Positions::new(&names, Some(foreign));
            assert_eq!(since, [position(0, UNKNOWN_EPOCH)], "{foreign:?}");
            assert_eq!(id(&positions), "", "{foreign:?}");
        }
    }

    #[test]
    fn the_length_of_ids_is_limited() {
        let names: Vec<String> = (0..256).map(|at| format!("channel {at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (mut positions, _) = Positions::new(&channels(&names), None);
        for (at, name) in names.iter().enumerate() {
            let epoch = format!("{at:033x}");
            let mark = Mark::Begin(Some((u64::MAX, &epoch)));
            assert!(positions.apply(tag_of(name), mark));
        }
        assert!(
            id(&positions).len() <= 16 * 1024,
            "{}",
            id(&positions).len()
        );
    }
}
