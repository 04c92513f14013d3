//! The sins of the null server.

use std::time::Duration;

/// The one thing the server does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Of so many deliveries the last does not happen, and nobody is told.
    DropEvery(u64),
    /// Of so many deliveries the last does not happen, and a gap notice says so.
    DeclareEvery(u64),
    /// One delivery happens twice.
    DuplicateOne,
    /// Two consecutive events of one client change places.
    SwapTwo,
    /// One event also goes to a client that did not subscribe to its channel.
    ForeignChannel,
    /// What a member says in a room comes back to it, once.
    EchoToSender,
    /// One member of a room is not told who joined.
    SkipJoinNotice,
    /// One client gets a message that is cut off.
    MalformedOne,
    /// One client gets an error it did nothing for.
    ErrorOne,
    /// One client gets each event this much later than the others.
    DelayOne(Duration),
    /// One client is disconnected with 1013.
    CloseOne,
    /// One publication is answered with this many subscribers more than there are.
    MiscountSubscribers(isize),
    /// One publication is refused with 503.
    RejectPublication,
    /// Everything stands still for this long, once.
    Stall(Duration),
    /// Each opening handshake takes this long.
    SlowUpgrade(Duration),
    /// Opening handshakes after so many are never answered.
    HangUpgradesAfter(u64),
    /// Unsubscribings after so many are never confirmed.
    IgnoreLeavesAfter(u64),
    /// A client that reads too slowly is kept.
    NeverEvict,
    /// A client that reads too slowly is evicted with this close code.
    EvictAs(u16),
    /// A client that reads too slowly is evicted, but the statistics do not say so.
    EvictUncounted,
    /// A client that answers no ping is kept.
    NeverCloseDead,
    /// A client that answers no ping is closed this much too late.
    CloseDeadLate(Duration),
    /// A client that answers no ping is closed with this code.
    CloseDeadAs(u16),
    /// A pong counts only this long after it came.
    CountPongsLate(Duration),
    /// One replay leaves its first publication out.
    SkipReplayed,
    /// One replay begins with the same publication twice.
    RepeatReplayed,
    /// Positions whose publications are gone are said to be recovered.
    ClaimRecovered,
    /// One reply before a replay names an offset that is one too high.
    WrongReplayOffset,
    /// Whoever breaks the protocol is closed with this code.
    CloseViolationsAs(u16),
}
