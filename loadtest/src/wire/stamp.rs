//! The payload of every publication: a stamp that identifies it, padded to the configured size.

use std::io::Write;

/// Identifies a publication. It is the `data` of an event or the `content` of a room message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Id of the run, so that two testers on one server do not mix up their messages.
    pub(crate) run: u64,
    /// Index of the publisher.
    pub(crate) publisher: u64,
    /// Index of the channel it was published to.
    pub(crate) channel: u64,
    /// Sequence number among the messages of this publisher to this channel, from 1.
    pub(crate) seq: u64,
    /// When it was due, on the clock of the run.
    pub(crate) intended_ns: u64,
    /// When it was sent, on the clock of the run.
    pub(crate) sent_ns: u64,
    /// Offset in the channel, which the server adds outside of the payload. 0 if it does not.
    pub(crate) offset: u64,
}

/// Appends the stamp to `out` as a JSON object of `size` bytes, or more if it does not fit.
pub(crate) fn append(out: &mut Vec<u8>, stamp: &Stamp, size: usize) {
    let begin = out.len();
    let Stamp {
        run,
        publisher,
        channel,
        seq,
        intended_ns,
        sent_ns,
        ..
    } = stamp;
    write!(
        out,
        r#"{{"run":{run},"pub":{publisher},"chan":{channel},"seq":{seq},"intended_ns":{intended_ns},"sent_ns":{sent_ns},"pad":""#
    )
    .expect("writing to a Vec cannot fail");
    let padded = begin + size.saturating_sub(2);
    if padded > out.len() {
        out.resize(padded, b'x');
    }
    out.extend_from_slice(b"\"}");
}
