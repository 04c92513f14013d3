//! Compares what a client received from one source with what it should have.

use std::collections::VecDeque;

use serde_json::Value;

/// A message that a client should receive.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) message: Value,
    /// Whether a membership begins or ends with it. Gap notices do not reach beyond it.
    pub(super) is_boundary: bool,
    /// Whether it may end a replay, so that publications before it never arrive.
    pub(super) may_cut: bool,
}

impl Expected {
    /// Whether a gap notice may take its place.
    fn is_publication(&self) -> bool {
        let kind = self.message["type"].as_str();
        matches!(kind, Some("event" | "message"))
    }
}

/// Checks that every message is the next that is expected, and that every gap notice stands for
/// publications that are missing. Returns the number of messages that are still to come.
/// `may_miss` says whether the publications up to an offset may be missing.
pub(super) fn check(
    expected: &[Expected],
    received: &[&Value],
    may_miss: impl Fn(Option<u64>) -> bool,
) -> usize {
    let mut rest: VecDeque<&Expected> = expected.iter().collect();
    for text in received {
        if text["type"] == "gap" {
            assert!(may_miss(text["to"].as_u64()), "nothing is missing: {text}");
            take_gap(&mut rest, text);
            continue;
        }
        if rest.front().is_none_or(|next| next.message != **text) {
            cut_replay(&mut rest);
        }
        let next = rest.pop_front();
        let next = next.unwrap_or_else(|| panic!("unexpected: {text}"));
        assert_eq!(next.message, **text);
    }
    rest.len()
}

/// Removes the publications that a notice stands for, of the same membership.
fn take_gap(rest: &mut VecDeque<&Expected>, notice: &Value) {
    let missed = notice["missed"].as_u64().unwrap();
    let from = notice["from"].as_u64();
    let to = from.map(|from| from + missed - 1);
    assert_eq!(notice["to"].as_u64(), to, "{notice}");
    for nth in 0..missed {
        let membership = rest.iter().take_while(|next| !next.is_boundary);
        let found = membership
            .enumerate()
            .find(|(_, next)| next.is_publication());
        let (index, found) = found.unwrap_or_else(|| panic!("too much is missing: {notice}"));
        let offset = found.message["offset"].as_u64();
        assert_eq!(offset, from.map(|from| from + nth), "{notice}");
        rest.remove(index);
    }
}

/// Removes publications with positions up to a message that ends their replay.
fn cut_replay(rest: &mut VecDeque<&Expected>) {
    let replayed =
        |next: &&&Expected| next.message["type"] == "event" && next.message["offset"].is_u64();
    let count = rest.iter().take_while(replayed).count();
    if rest.get(count).is_some_and(|next| next.may_cut) {
        rest.drain(..count);
    }
}
