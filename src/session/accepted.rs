//! The commands of one read that have not been carried out.

use std::vec;

use super::InboundMessage;
use crate::dialect::native::parse_some_commands;
use crate::protocol::{Command, ErrorCode, Json, Refusal, RefusedCommand, Subject};

/// A command that was read.
pub(super) type Parsed = Result<Command, RefusedCommand>;

/// A message without a command, `[]`, counts as one of this size.
const EMPTY_MESSAGE_BYTES: usize = 256;
/// Maximum number of commands that are parsed ahead: one less than a power of two, so that the texts
/// after them have room in the same allocation. Parsed, a short command takes about five times
/// as much memory as its text; so the messages after that are kept as text, and parsed in turn.
const MAX_PARSED: usize = 255;
/// Instead of a length: a message that was too large.
const TOO_LARGE: u32 = u32::MAX;

/// The commands of one read, in order. When there are none, it owns no memory, and is no more than a
/// pointer: every idle connection has one.
#[derive(Debug, Default)]
pub(super) struct Accepted(Option<Box<Entries>>);

#[derive(Debug, Default)]
struct Entries(Vec<Entry>);

#[derive(Debug)]
enum Entry {
    Parsed(Parsed),
    /// The last entry.
    Texts(Texts),
}

/// Messages as text, each after its length.
#[derive(Debug, Default)]
struct Texts {
    bytes: Vec<u8>,
    /// Where the next message begins.
    at: usize,
    /// Commands of the next message that were parsed before.
    parsed: usize,
}

impl Accepted {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |entries| entries.0.len())
    }

    fn entries(&mut self) -> &mut Vec<Entry> {
        &mut self.0.get_or_insert_default().0
    }

    /// Commands that were parsed before.
    pub(super) fn from_parsed(commands: impl Iterator<Item = Parsed>) -> Self {
        let entries = Entries(commands.map(Entry::Parsed).collect());
        Self(Some(Box::new(entries)))
    }

    /// Adds the commands of a message. If `take` refuses its bytes, each command is refused.
    pub(super) fn add(
        &mut self,
        message: InboundMessage<'_>,
        mut take: impl FnMut(Option<usize>) -> Result<(), Refusal>,
    ) {
        match message {
            // Binary frames contain the same JSON as text frames.
            InboundMessage::Text(text) | InboundMessage::Binary(text) => {
                match take(Some(text.len())) {
                    Ok(()) => {
                        let before = self.len();
                        self.push(text);
                        if self.len() == before && before < MAX_PARSED {
                            // No command counts, so the message does. The next one may be refused.
                            let _ = take(Some(EMPTY_MESSAGE_BYTES));
                        }
                    }
                    Err(refusal) => self.push_refused(text, &refusal),
                }
            }
            InboundMessage::TooLarge => match take(None) {
                Ok(()) => self.push_too_large(),
                Err(refusal) => self.push_refused(&[], &refusal),
            },
        }
    }

    /// Adds the commands of a message.
    fn push(&mut self, text: &[u8]) {
        self.push_or_refuse(text, None);
    }

    /// Adds the commands of a message, each of which is refused for the same reason: at least one.
    fn push_refused(&mut self, text: &[u8], refusal: &Refusal) {
        let before = self.len();
        self.push_or_refuse(text, Some(refusal));
        if self.len() == before && before < MAX_PARSED {
            let refused = RefusedCommand::from(refusal.clone());
            self.entries().push(Entry::Parsed(Err(refused)));
        }
    }

    fn push_or_refuse(&mut self, text: &[u8], refusal: Option<&Refusal>) {
        let parsed_before = self.len();
        if parsed_before < MAX_PARSED {
            let max = MAX_PARSED - parsed_before;
            let push = |command| {
                self.entries()
                    .push(Entry::Parsed(refused_by(refusal, command)));
            };
            // What is refused and beyond that is not worth the memory.
            if parse_some_commands(text, 0, max, push) == 0 || refusal.is_some() {
                return;
            }
        } else if refusal.is_some() {
            return;
        }
        let parsed = MAX_PARSED.saturating_sub(parsed_before);
        self.push_text(text.len() as u32, text, parsed);
    }

    /// Adds the refusal of a message that was too large.
    fn push_too_large(&mut self) {
        if self.len() < MAX_PARSED {
            self.entries().push(Entry::Parsed(too_large()));
        } else {
            self.push_text(TOO_LARGE, &[], 0);
        }
    }

    /// Takes all commands.
    pub(super) fn take(&mut self) -> Remaining {
        let entries = self.0.take().map_or_else(Vec::new, |entries| entries.0);
        Remaining {
            capacity: entries.capacity(),
            entries: entries.into_iter(),
            texts: Texts::default(),
            parsed: Vec::new().into_iter(),
        }
    }

    /// Adds a message to the texts. The first of them begins with the command at `parsed`.
    fn push_text(&mut self, length: u32, text: &[u8], parsed: usize) {
        if let Some(Entry::Texts(texts)) = self.entries().last_mut() {
            texts.push(length, text);
        } else {
            let mut texts = Texts {
                parsed,
                ..Texts::default()
            };
            texts.push(length, text);
            self.entries().push(Entry::Texts(texts));
        }
    }
}

impl Texts {
    fn push(&mut self, length: u32, text: &[u8]) {
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(text);
    }

    /// Parses the next commands, at least one unless there are none left.
    fn parse(&mut self) -> Vec<Parsed> {
        let mut parsed = Vec::new();
        while parsed.is_empty()
            && let Some((length, rest)) = self.bytes[self.at..].split_first_chunk()
        {
            let length = u32::from_be_bytes(*length);
            let mut used = 4;
            if length == TOO_LARGE {
                parsed.push(too_large());
            } else if let Some(text) = rest.get(..length as usize) {
                let push = |command| parsed.push(command);
                if parse_some_commands(text, self.parsed, MAX_PARSED, push) > 0 {
                    self.parsed += MAX_PARSED;
                    break;
                }
                used += text.len();
            }
            self.at += used;
            self.parsed = 0;
        }
        parsed
    }
}

/// Commands that are being carried out.
#[derive(Debug)]
pub(super) struct Remaining {
    entries: vec::IntoIter<Entry>,
    /// Entries that the memory of `entries` has room for.
    capacity: usize,
    texts: Texts,
    /// Commands of `texts`.
    parsed: vec::IntoIter<Parsed>,
}

impl Remaining {
    /// Bytes that the commands take, about.
    pub(super) fn bytes(&self) -> usize {
        let ahead = self.entries.as_slice().iter().map(|entry| match entry {
            Entry::Parsed(command) => text_bytes(command),
            Entry::Texts(texts) => texts.bytes.capacity(),
        });
        let parsed = self.parsed.as_slice();
        self.capacity * size_of::<Entry>()
            + ahead.sum::<usize>()
            + self.texts.bytes.capacity()
            + parsed.iter().map(text_bytes).sum::<usize>()
            + size_of_val(parsed)
    }
}

impl Iterator for Remaining {
    type Item = Parsed;

    fn next(&mut self) -> Option<Parsed> {
        loop {
            match self.entries.next() {
                Some(Entry::Parsed(command)) => return Some(command),
                Some(Entry::Texts(texts)) => self.texts = texts,
                None => {}
            }
            if let Some(command) = self.parsed.next() {
                return Some(command);
            }
            self.entries = Vec::new().into_iter();
            self.capacity = 0;
            self.parsed = self.texts.parse().into_iter();
            if self.parsed.as_slice().is_empty() {
                return None;
            }
        }
    }
}

/// The command, or its refusal.
fn refused_by(refusal: Option<&Refusal>, command: Parsed) -> Parsed {
    let Some(refusal) = refusal else {
        return command;
    };
    let refusal = refusal.clone().about(subject_of(&command));
    let id = match command {
        Ok(command) => command.id,
        Err(refused) => refused.id,
    };
    Err(RefusedCommand { id, refusal })
}

/// The id of a command.
pub(super) fn id_of(command: &Parsed) -> Option<&Json> {
    match command {
        Ok(command) => command.id.as_ref(),
        Err(refused) => refused.id.as_ref(),
    }
}

/// The room or channel of a command.
pub(super) fn subject_of(command: &Parsed) -> Subject {
    match command {
        Ok(command) => command.message.topic().map_or(Subject::None, Subject::from),
        Err(RefusedCommand { refusal, .. }) => match &refusal.subject {
            topic @ (Subject::Room(_) | Subject::Channel(_)) => topic.clone(),
            Subject::Field(_) | Subject::None => Subject::None,
        },
    }
}

fn too_large() -> Parsed {
    Err(Refusal::new(ErrorCode::MessageTooLarge).into())
}

/// Bytes of the texts in a command.
pub(super) fn text_bytes(command: &Parsed) -> usize {
    match command {
        Ok(command) => command.text_bytes(),
        Err(refused) => refused.text_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::native::parse_commands;

    fn ids(count: usize, from: usize) -> String {
        let commands = (from..from + count).map(|id| format!(r#"{{"type":"ping","id":{id}}}"#));
        format!("[{}]", commands.collect::<Vec<_>>().join(","))
    }

    /// Messages, `None` for one that was too large, parsed in turn.
    fn taken(messages: &[Option<&str>]) -> Vec<Parsed> {
        let mut accepted = Accepted::default();
        for message in messages {
            match message {
                Some(text) => accepted.push(text.as_bytes()),
                None => accepted.push_too_large(),
            }
        }
        let taken = accepted.take().collect();
        assert!(accepted.is_empty());
        taken
    }

    #[test]
    fn commands_that_are_parsed_in_turn_are_the_same_and_in_the_same_order() {
        let (batch, small) = (ids(1000, 0), ids(3, 2000));
        let filling = ids(MAX_PARSED - 1, 5000);
        let full = ids(MAX_PARSED, 7000);
        for messages in [
            vec![Some(r#"{"type":"ping"}"#), None, Some(&batch), Some(&small)],
            vec![
                Some(&batch),
                None,
                Some(&batch),
                Some("{"),
                Some("[]"),
                Some(&small),
            ],
            vec![
                Some(&filling),
                Some(&small),
                Some("7"),
                None,
                None,
                Some(""),
            ],
            vec![Some(&full), Some(&full), Some(r#"[{"type":"ping"},7,{}]"#)],
            vec![Some(&full), None],
            vec![Some(&full), Some("[]")],
            vec![],
        ] {
            let mut expected = Vec::new();
            for message in &messages {
                match message {
                    Some(text) => parse_commands(text.as_bytes(), |it| expected.push(it)),
                    None => expected.push(too_large()),
                }
            }
            assert_eq!(taken(&messages), expected, "{messages:?}");
        }
    }

    #[test]
    fn what_waits_takes_little_more_than_its_text() {
        for text in [&ids(1000, 0), "7", r#"{"type":"leave","room":""}"#] {
            let mut accepted = Accepted::default();
            let mut bytes = 0;
            while bytes < 64 * 1024 {
                accepted.push(text.as_bytes());
                bytes += text.len() + 6;
            }
            let mut remaining = accepted.take();
            let parsed = 2 * MAX_PARSED * size_of::<Entry>();
            let is_close = |counted: usize| counted > bytes / 2 && counted < 2 * bytes + parsed;
            assert!(is_close(remaining.bytes()), "{}", remaining.bytes());
            for _ in 0..=MAX_PARSED {
                assert!(remaining.next().is_some());
            }
            assert!(is_close(remaining.bytes()), "{}", remaining.bytes());
            assert_eq!(remaining.capacity, 0, "what was parsed ahead is freed");
            assert!(remaining.count() > 100);
        }
    }
}
