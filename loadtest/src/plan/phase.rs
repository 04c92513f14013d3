//! The phases of a run.

/// The phases of a run, in order. Only the conductor advances them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Sockets are opened and subscribed.
    Connect,
    /// Publications are sent.
    Publish,
    /// The last deliveries are awaited. Workers report how many books are still incomplete.
    Drain,
    /// Books are closed, then sockets. Workers send their last report and end.
    Close,
}
