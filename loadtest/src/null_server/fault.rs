//! The faults that the null server can have.

use std::time::Duration;

/// One thing that the server does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Skips every nth delivery, silently.
    DropEvery(u64),
    /// Skips every nth delivery, and sends a gap notice instead.
    DeclareEvery(u64),
    /// Delivers one event twice.
    DuplicateOne,
    /// Delivers two consecutive events to one client in reverse order.
    SwapTwo,
    /// Delivers one event to a client that is not subscribed to its channel, too.
    ForeignChannel,
    /// Delivers one message in a room to its own sender, too.
    EchoToSender,
    /// Does not send one `user_joined` message.
    SkipJoinNotice,
    /// Sends one truncated message.
    MalformedOne,
    /// Sends one error without a reason.
    ErrorOne,
    /// Delivers events to one client this much later than to the others.
    DelayOne(Duration),
    /// Closes one client with 1013.
    CloseOne,
    /// Reports this many more subscribers than there are, for one publication.
    MiscountSubscribers(isize),
    /// Rejects one publication with 503.
    RejectPublication,
    /// Rejects one publication with 503, but delivers it.
    RejectButDeliver,
    /// Sends one gap notice although nothing is missing.
    GapWithoutLoss,
    /// Stops for this long, once.
    Stall(Duration),
    /// Takes this long for each opening handshake.
    SlowUpgrade(Duration),
    /// Does not answer opening handshakes after this many.
    HangUpgradesAfter(u64),
    /// Does not confirm unsubscribes and leaves after this many.
    IgnoreLeavesAfter(u64),
    /// Does not evict clients that read too slowly.
    NeverEvict,
    /// Evicts clients that read too slowly with this close code.
    EvictAs(u16),
    /// Does not count evictions in its statistics.
    EvictUncounted,
    /// Does not close clients that do not answer pings.
    NeverCloseDead,
    /// Closes clients that do not answer pings this much too late.
    CloseDeadLate(Duration),
    /// Closes clients that do not answer pings with this code.
    CloseDeadAs(u16),
    /// Counts each pong only this long after it arrived.
    CountPongsLate(Duration),
    /// Skips the first publication of one replay.
    SkipReplayed,
    /// Sends the first publication of one replay twice.
    RepeatReplayed,
    /// Claims to recover positions whose publications are gone.
    ClaimRecovered,
    /// Reports an offset that is one too high before one replay.
    WrongReplayOffset,
    /// Closes clients that violate the protocol with this code.
    CloseViolationsAs(u16),
}
