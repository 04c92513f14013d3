//! The `data` of an event, or the `content` of a room message: the stamp, padded to the size of the plan.

use std::io::Write;

/// The stamp a publisher put into an event's `data`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// [`RunPlan::run`](crate::plan::run_plan::RunPlan::run).
    pub(crate) run: u64,
    /// Index of the publisher.
    pub(crate) publisher: u64,
    /// Index of the channel it was published to.
    pub(crate) channel: u64,
    /// Place in the publisher's stream to that channel, from 1.
    pub(crate) seq: u64,
    /// When it was due.
    pub(crate) intended_ns: u64,
    /// When its first byte was handed to the kernel.
    pub(crate) sent_ns: u64,
    /// Its place in its channel, which the server adds; 0 when it does not.
    pub(crate) offset: u64,
}

/// Appends the object to `out`.
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
    .expect("a Vec takes everything");
    let padded = begin + size.saturating_sub(2);
    if padded > out.len() {
        out.resize(padded, b'x');
    }
    out.extend_from_slice(b"\"}");
}
