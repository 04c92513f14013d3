//! A client's positions in all of its channels, encoded as one event id.
//!
//! A browser remembers only the id of the last event and sends it when it reconnects. So each id
//! contains the positions in all channels, and a client that resumes from an id resumes them all:
//!
//! ```text
//! 3fa9c1d2e4b5-0.x8fK2pQz2a.Pq0aTT2_1f~3fa9c1d2e4b5-1.vu7dEr8s3
//! └ epoch ─────┘ └ tag ─┘└┘ offset, in hexadecimal
//! ```
//!
//! A tag is a hash of the channel's name. It keeps ids short, and lets the next request name
//! other channels. Ids contain no secrets and are not trusted.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::protocol::{ChannelName, Json, Position};

/// 48 bits, which are 8 characters.
const TAG_BYTES: usize = 6;
const TAG_CHARS: usize = 8;
const CHANNEL_SEPARATOR: char = '.';
const EPOCH_SEPARATOR: char = '~';
/// An epoch that no topic has, so that nothing is recovered from it.
const UNKNOWN_EPOCH: &str = "unknown";

/// A client's positions in the channels of its event stream.
#[derive(Debug)]
pub struct Positions(Box<[ChannelPosition]>);

#[derive(Debug)]
struct ChannelPosition {
    /// The channel's name as encoded in messages, including the quotes.
    name: Box<str>,
    tag: [u8; TAG_CHARS],
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
                name: Json::from(channel.as_str()).as_str().into(),
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

    /// Updates the positions from a message sent to the client. Returns whether one of them
    /// was set or moved.
    pub fn update(&mut self, message: &[u8]) -> bool {
        let Ok(message) = str::from_utf8(message) else {
            return false;
        };
        let Some((kind, rest)) = message
            .strip_prefix(r#"{"type":""#)
            .and_then(|rest| rest.split_once(r#"","channel":"#))
        else {
            return false;
        };
        let mut channels = self.0.iter_mut();
        let found = channels.find_map(|channel| {
            let rest = rest.strip_prefix(&*channel.name)?;
            Some((channel, rest))
        });
        let Some((channel, rest)) = found else {
            return false;
        };
        match kind {
            "event" => channel.advance(last_number(rest, r#"},"offset":"#)),
            "gap" => channel.advance(last_number(rest, r#","to":"#)),
            "subscribed" => {
                channel.position = position_of(rest);
                channel.position.is_some()
            }
            _ => false,
        }
    }

    /// Appends the id of the current positions. It has at most 16 KiB for 256 channels, usually
    /// about 12 bytes per channel.
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

impl ChannelPosition {
    fn advance(&mut self, to: Option<u64>) -> bool {
        match (&mut self.position, to) {
            (Some(position), Some(offset)) => {
                position.offset = offset;
                true
            }
            _ => false,
        }
    }
}

/// The number at the end of a message, if `key` precedes it.
fn last_number(message: &str, key: &str) -> Option<u64> {
    let message = message.strip_suffix('}')?;
    let digits = message.trim_end_matches(|c: char| c.is_ascii_digit());
    digits.ends_with(key).then_some(())?;
    message[digits.len()..].parse().ok()
}

/// The client's position after a `subscribed` message: before the publications that are about
/// to be replayed.
fn position_of(rest: &str) -> Option<Position> {
    let rest = rest.strip_prefix(r#","offset":"#)?;
    let (offset, rest) = rest.split_once(r#","epoch":""#)?;
    let (epoch, rest) = rest.split_once('"')?;
    let replayed = last_number(rest, r#""replayed":"#).unwrap_or(0);
    let offset: u64 = offset.parse().ok()?;
    Position::new(offset.checked_sub(replayed)?, epoch)
}

fn parse(id: &str) -> Option<Vec<([u8; TAG_CHARS], Position)>> {
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

/// FNV-1a, folded to 48 bits. Must be the same in every version and on every machine, because
/// ids outlive both.
fn tag_of(name: &str) -> [u8; TAG_CHARS] {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let folded = (hash ^ (hash >> 48)).to_be_bytes();
    let mut tag = [0; TAG_CHARS];
    let encoded = URL_SAFE_NO_PAD.encode_slice(&folded[8 - TAG_BYTES..], &mut tag);
    debug_assert_eq!(encoded, Ok(TAG_CHARS));
    tag
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
        for message in [
            r#"{"type":"subscribed","channel":"news","offset":45,"epoch":"e-0"}"#,
            r#"{"type":"subscribed","channel":"a\"b","offset":9,"epoch":"e-0","recovered":true,"replayed":4}"#,
            r#"{"type":"subscribed","channel":"köln","offset":0,"epoch":"e-1","recovered":false,"reason":"epoch_changed","replayed":0}"#,
            r#"{"type":"event","channel":"news","data":{"id":"x","offset":7},"offset":46}"#,
            r#"{"type":"event","channel":"a\"b","data":{},"offset":6}"#,
            r#"{"type":"gap","channel":"a\"b","missed":2,"from":7,"to":8}"#,
        ] {
            assert!(positions.update(message.as_bytes()), "{message}");
        }
        for message in [
            r#"{"type":"subscribed","channel":"quiet"}"#,
            r#"{"type":"subscribed","channel":"quiet","recovered":false,"reason":"no_history"}"#,
            r#"{"type":"event","channel":"quiet","data":{}}"#,
            r#"{"type":"event","channel":"other","data":{},"offset":99}"#,
            r#"{"type":"event","channel":"news","data":{"offset":99}}"#,
            r#"{"type":"gap","channel":"quiet","missed":2}"#,
            r#"{"type":"pong"}"#,
        ] {
            assert!(!positions.update(message.as_bytes()), "{message}");
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
    fn the_length_of_ids_is_limited_and_tags_never_change() {
        assert_eq!(&tag_of("news"), b"W7qgOoBv");
        let names: Vec<String> = (0..256).map(|at| format!("channel {at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (mut positions, _) = Positions::new(&channels(&names), None);
        for (at, name) in names.iter().enumerate() {
            let message = format!(
                r#"{{"type":"subscribed","channel":"{name}","offset":{},"epoch":"{at:012x}-{}"}}"#,
                u64::MAX,
                u64::MAX
            );
            assert!(positions.update(message.as_bytes()));
        }
        assert!(
            id(&positions).len() <= 16 * 1024,
            "{}",
            id(&positions).len()
        );
    }
}
