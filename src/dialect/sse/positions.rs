//! How far a client has read in each of its channels, in one event id.
//!
//! A browser keeps one id, that of the last event, and sends it back by itself. So each id
//! names the positions of all channels, and whoever resumes with it resumes all of them:
//!
//! ```text
//! 3fa9c1d2e4b5-0.x8fK2pQz2a.Pq0aTT2_1f~3fa9c1d2e4b5-1.vu7dEr8s3
//! └ epoch ─────┘ └ tag ─┘└┘ offset, in hexadecimal
//! ```
//!
//! A tag stands for a channel's name, so that an id stays short and the channels of the
//! next request may be others. Nothing in it is a secret, and nothing in it is trusted.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::protocol::{ChannelName, Json, Position};

/// 48 bits, which are 8 characters.
const TAG_BYTES: usize = 6;
const TAG_CHARS: usize = 8;
const BETWEEN_CHANNELS: char = '.';
const BETWEEN_EPOCHS: char = '~';
/// An epoch that no topic has.
const NO_EPOCH: &str = "unknown";

/// Where a client stands in its channels.
#[derive(Debug)]
pub struct Positions(Box<[Tracked]>);

#[derive(Debug)]
struct Tracked {
    /// The channel's name as it stands in a message, quotes included.
    name: Box<str>,
    tag: [u8; TAG_CHARS],
    /// `None` where no history is kept.
    position: Option<Position>,
}

impl Positions {
    /// The positions that the id of the last event gives, `None` when there is no such
    /// event; beside them, what each channel is to be resumed since.
    ///
    /// A channel that is not in the id begins anew. When the id is not one of these, nothing
    /// can be recovered, and that is what each channel's answer is to say.
    pub fn new(
        channels: &[ChannelName],
        last_event_id: Option<&str>,
    ) -> (Self, Vec<Option<Position>>) {
        let known = last_event_id.map_or(Some(Vec::new()), parse);
        let tracked = channels.iter().map(|channel| {
            let tag = tag_of(channel.as_str());
            let found = known.iter().flatten().find(|(known, _)| *known == tag);
            Tracked {
                name: Json::from(channel.as_str()).as_str().into(),
                tag,
                position: found.map(|(_, position)| position.clone()),
            }
        });
        let positions = Self(tracked.collect());
        let since = positions.0.iter().map(|tracked| match &known {
            Some(_) => tracked.position.clone(),
            None => Position::new(0, NO_EPOCH),
        });
        let since = since.collect();
        (positions, since)
    }

    /// Takes note of a message to the client. True when it moves a position.
    pub fn note(&mut self, message: &[u8]) -> bool {
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
        let found = channels.find_map(|tracked| {
            let rest = rest.strip_prefix(&*tracked.name)?;
            Some((tracked, rest))
        });
        let Some((tracked, rest)) = found else {
            return false;
        };
        match kind {
            "event" => tracked.advance(last_number(rest, r#"},"offset":"#)),
            "gap" => tracked.advance(last_number(rest, r#","to":"#)),
            "subscribed" => {
                tracked.position = position_of(rest);
                tracked.position.is_some()
            }
            _ => false,
        }
    }

    /// Appends the id. Bound: 16 KiB for 256 channels, as a rule 12 bytes each.
    pub fn write_id(&self, out: &mut Vec<u8>) {
        let mut last_epoch = None;
        let known = self.0.iter().filter_map(|tracked| {
            let position = tracked.position.as_ref()?;
            Some((&tracked.tag, position))
        });
        for (tag, Position { offset, epoch }) in known {
            if last_epoch != Some(epoch) {
                if last_epoch.is_some() {
                    out.push(BETWEEN_EPOCHS as u8);
                }
                out.extend_from_slice(epoch.as_bytes());
                last_epoch = Some(epoch);
            }
            out.push(BETWEEN_CHANNELS as u8);
            out.extend_from_slice(tag);
            // Writing to a Vec cannot fail.
            let _ = write!(out, "{offset:x}");
        }
    }
}

impl Tracked {
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

/// The number that ends a message, if it stands behind `key`.
fn last_number(message: &str, key: &str) -> Option<u64> {
    let message = message.strip_suffix('}')?;
    let digits = message.trim_end_matches(|c: char| c.is_ascii_digit());
    digits.ends_with(key).then_some(())?;
    message[digits.len()..].parse().ok()
}

/// Where a client stands when it has just been told that it is subscribed: what is
/// replayed it does not have yet.
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
    for group in id.split(BETWEEN_EPOCHS) {
        let mut parts = group.split(BETWEEN_CHANNELS);
        // It goes into the lines of this stream before the server has said its own.
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

/// FNV-1a, folded. The same for every version and machine, since ids outlive both.
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
    fn an_id_gives_every_channel_its_position_back_whatever_the_order() {
        let names = channels(&["news", "a\"b", "köln", "quiet"]);
        let (mut positions, since) = Positions::new(&names, None);
        assert_eq!(since, [None, None, None, None]);
        assert_eq!(id(&positions), "");
        for told in [
            r#"{"type":"subscribed","channel":"news","offset":45,"epoch":"e-0"}"#,
            r#"{"type":"subscribed","channel":"a\"b","offset":9,"epoch":"e-0","recovered":true,"replayed":4}"#,
            r#"{"type":"subscribed","channel":"köln","offset":0,"epoch":"e-1","recovered":false,"reason":"epoch_changed","replayed":0}"#,
            r#"{"type":"event","channel":"news","data":{"id":"x","offset":7},"offset":46}"#,
            r#"{"type":"event","channel":"a\"b","data":{},"offset":6}"#,
            r#"{"type":"gap","channel":"a\"b","missed":2,"from":7,"to":8}"#,
        ] {
            assert!(positions.note(told.as_bytes()), "{told}");
        }
        for nothing in [
            r#"{"type":"subscribed","channel":"quiet"}"#,
            r#"{"type":"subscribed","channel":"quiet","recovered":false,"reason":"no_history"}"#,
            r#"{"type":"event","channel":"quiet","data":{}}"#,
            r#"{"type":"event","channel":"other","data":{},"offset":99}"#,
            r#"{"type":"event","channel":"news","data":{"offset":99}}"#,
            r#"{"type":"gap","channel":"quiet","missed":2}"#,
            r#"{"type":"pong"}"#,
        ] {
            assert!(!positions.note(nothing.as_bytes()), "{nothing}");
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
        // Before anything has arrived the id is worth what it was.
        assert_eq!(Positions::new(&others, Some(&self::id(&again))).1, expected);
    }

    #[test]
    fn an_id_of_another_kind_recovers_nothing_and_says_so() {
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
            assert_eq!(since, [position(0, NO_EPOCH)], "{foreign:?}");
            assert_eq!(id(&positions), "", "{foreign:?}");
        }
    }

    #[test]
    fn ids_are_bounded_and_tags_stay_what_they_are() {
        assert_eq!(&tag_of("news"), b"W7qgOoBv");
        let names: Vec<String> = (0..256).map(|at| format!("channel {at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (mut positions, _) = Positions::new(&channels(&names), None);
        for (at, name) in names.iter().enumerate() {
            let told = format!(
                r#"{{"type":"subscribed","channel":"{name}","offset":{},"epoch":"{at:012x}-{}"}}"#,
                u64::MAX,
                u64::MAX
            );
            assert!(positions.note(told.as_bytes()));
        }
        assert!(
            id(&positions).len() <= 16 * 1024,
            "{}",
            id(&positions).len()
        );
    }
}
