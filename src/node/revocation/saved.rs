//! Revocations as text: a header, and then one JSON object per line for each that was made or taken
//! back, in any order.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::list::{Revocation, Revoked, id_of, number_of};
use crate::protocol::UserId;

const VERSION: u32 = 1;

/// The revocations of a file, by number, and the number of the next one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::node) struct Saved {
    pub(super) next: u64,
    pub(super) by_number: BTreeMap<u64, (Revoked, SystemTime)>,
}

/// Why a file is not one of revocations.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRevocations {
    /// The first line is not that of such a file.
    #[error("it is not a file of revocations")]
    Header,
    /// It was written by a newer version.
    #[error("its version is {0}; this server reads up to {VERSION}")]
    Version(u32),
    /// A line says nothing that this version understands.
    #[error("line {line}: {reason}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    wavecast_revocations: u32,
    next: u64,
}

/// Times are in seconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    id: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_id: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issued_before: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    taken_back: bool,
}

impl Saved {
    /// Reads the text of a file. What follows the last newline was never completed, and is ignored.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidRevocations> {
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = complete.split('\n').enumerate();
        let first = lines.next().map_or("", |(_, line)| line);
        let header: Header = serde_json::from_str(first).map_err(|_| InvalidRevocations::Header)?;
        if header.wavecast_revocations != VERSION {
            return Err(InvalidRevocations::Version(header.wavecast_revocations));
        }
        let mut saved = Self {
            next: header.next,
            ..Self::default()
        };
        let mut taken_back = HashSet::new();
        for (index, line) in lines {
            let read = serde_json::from_str::<Line<'_>>(line);
            let read = read.map_err(|error| error.to_string());
            let read = read.and_then(|line| saved.add(&line, &mut taken_back));
            read.map_err(|reason| InvalidRevocations::Line {
                line: index + 1,
                reason,
            })?;
        }
        saved
            .by_number
            .retain(|number, _| !taken_back.contains(number));
        Ok(saved)
    }

    fn add(&mut self, line: &Line<'_>, taken_back: &mut HashSet<u64>) -> Result<(), String> {
        let number = number_of(&line.id).ok_or("`id` is not that of a revocation")?;
        self.next = self.next.max(number.saturating_add(1));
        if line.taken_back {
            taken_back.insert(number);
            return Ok(());
        }
        let what = match (&line.token_id, &line.user) {
            (Some(id), None) => Revoked::Token(id.as_ref().to_owned()),
            (None, Some(user)) => Revoked::User {
                user: UserId::new(user).map_err(|error| format!("`user` {error}"))?,
                issued_before: time(line.issued_before, "issued_before")?,
            },
            _ => return Err("it names neither a token nor a user, or both".to_owned()),
        };
        let until = time(line.until, "until")?;
        self.by_number.insert(number, (what, until));
        Ok(())
    }

    /// Drops those that have ended.
    pub(super) fn forget_ended(&mut self, now: SystemTime) {
        self.by_number.retain(|_, (_, until)| *until > now);
    }

    /// The text of a file that has just these.
    pub(super) fn to_text(&self) -> Vec<u8> {
        let header = Header {
            wavecast_revocations: VERSION,
            next: self.next,
        };
        let mut text = line_of(&header);
        for (number, (what, until)) in &self.by_number {
            text.extend(made(&Revocation {
                id: id_of(*number),
                what: what.clone(),
                until: *until,
            }));
        }
        text
    }
}

/// The line of a revocation that was made.
pub(super) fn made(revocation: &Revocation) -> Vec<u8> {
    let (mut token_id, mut user, mut issued_before) = (None, None, None);
    match &revocation.what {
        Revoked::Token(id) => token_id = Some(id.as_str().into()),
        Revoked::User {
            user: id,
            issued_before: at,
        } => {
            user = Some(id.as_str().into());
            issued_before = Some(seconds(*at, false));
        }
    }
    line_of(&Line {
        id: revocation.id.as_str().into(),
        token_id,
        user,
        issued_before,
        until: Some(seconds(revocation.until, true)),
        taken_back: false,
    })
}

/// The line of a revocation that was taken back.
pub(super) fn taken_back(id: &str) -> Vec<u8> {
    line_of(&Line {
        id: id.into(),
        token_id: None,
        user: None,
        issued_before: None,
        until: None,
        taken_back: true,
    })
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    // Strings and numbers in a struct can always be written.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Whole seconds, rounded up or down.
fn seconds(at: SystemTime, up: bool) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() + u64::from(up && since.subsec_nanos() > 0)
}

fn time(seconds: Option<u64>, field: &str) -> Result<SystemTime, String> {
    let seconds = seconds.ok_or_else(|| format!("`{field}` is missing"))?;
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    at.ok_or_else(|| format!("`{field}` is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn revocation(number: u64, what: Revoked, until: SystemTime) -> Revocation {
        Revocation {
            id: id_of(number),
            what,
            until,
        }
    }

    fn of_user(user: &str) -> Revoked {
        Revoked::User {
            user: UserId::new(user).unwrap(),
            issued_before: at(50),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let half = Duration::from_millis(500);
        let mut text = Saved::default().to_text();
        text.extend(made(&revocation(0, of_user("a\"d\\a"), at(100) + half)));
        text.extend(made(&revocation(1, Revoked::Token("t".into()), at(7))));
        text.extend(made(&revocation(2, Revoked::Token("u".into()), at(200))));
        // In any order.
        text.extend(taken_back("rev_2"));
        text.extend(taken_back("rev_9"));
        text.extend(made(&revocation(9, Revoked::Token("v".into()), at(200))));
        let mut saved = Saved::parse(str::from_utf8(&text).unwrap()).unwrap();
        saved.forget_ended(at(7));
        assert_eq!(saved.next, 10);
        let kept = BTreeMap::from([(0, (of_user("a\"d\\a"), at(101)))]);
        assert_eq!(saved.by_number, kept);
        let again = String::from_utf8(saved.to_text()).unwrap();
        assert_eq!(Saved::parse(&again), Ok(saved));
    }

    #[test]
    fn a_line_that_was_not_completed_is_ignored() {
        let mut text = Saved::default().to_text();
        let complete = text.len();
        text.extend(made(&revocation(0, Revoked::Token("t".into()), at(100))));
        for end in complete..text.len() {
            let saved = Saved::parse(str::from_utf8(&text[..end]).unwrap()).unwrap();
            assert_eq!(saved, Saved::default(), "{end}");
        }
    }

    #[test]
    fn a_file_that_says_something_else_is_refused() {
        let header = r#"{"wavecast_revocations":1,"next":0}"#;
        for (lines, error) in [
            ("", "it is not a file of revocations"),
            ("[server]\n", "it is not a file of revocations"),
            (
                "{\"wavecast_revocations\":2,\"next\":0}\n",
                "its version is 2; this server reads up to 1",
            ),
        ] {
            assert_eq!(Saved::parse(lines).unwrap_err().to_string(), error);
        }
        for line in [
            "",
            "x",
            r#"{"id":"x","token_id":"t","until":1}"#,
            r#"{"id":"rev_0","token_id":"t"}"#,
            r#"{"id":"rev_0","until":1}"#,
            r#"{"id":"rev_0","token_id":"t","user":"u","issued_before":1,"until":1}"#,
            r#"{"id":"rev_0","user":"u","until":1}"#,
            r#"{"id":"rev_0","user":"","issued_before":1,"until":1}"#,
            r#"{"id":"rev_0","token_id":"t","until":18446744073709551615}"#,
            r#"{"id":"rev_0","token_id":"t","until":1,"new":1}"#,
        ] {
            let error = Saved::parse(&format!("{header}\n{line}\n")).unwrap_err();
            let InvalidRevocations::Line { line: at, .. } = error else {
                panic!("{line}: {error}");
            };
            assert_eq!(at, 2, "{line}");
        }
    }
}
