//! The phases of a run.

/// The stages of a run, in order; only the conductor moves it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Sockets are opened and subscribed.
    Connect,
    /// Publications are due.
    Publish,
    /// The last publications are on their way; workers say how many books are still open.
    Drain,
    /// Books are closed, then sockets; workers report and end.
    Close,
}
