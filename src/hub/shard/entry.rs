//! What a shard can be asked to do.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::link::Link;
use crate::hub::client::Client;
use crate::hub::forms::Forms;
use crate::hub::log::Replay;
use crate::hub::replies::ReplyCharge;
use crate::hub::topic::{Topic, TopicId};
use crate::presence::Knows;
use crate::wire::Frame;

/// A request to a shard. The requests of a lane are carried out in the order in which they were
/// sent.
#[derive(Debug)]
pub(in crate::hub) enum Entry {
    /// Take over the write side of a connection.
    Connect { client: Arc<Client>, link: Link },
    /// Push `announce` to the members, add the client, and push `ack` to it. With `replay`,
    /// the client receives offsets, starting with the publications it missed. `watching` says whether
    /// it is told who is present from now on; `None` changes nothing.
    Join {
        client: Arc<Client>,
        topic: Arc<Topic>,
        replay: Option<Replay>,
        watching: Option<Watching>,
        ack: Option<Frame>,
        announce: Option<Arc<Forms>>,
    },
    /// Remove the client, push `ack` to it, and push `announce` to the remaining members.
    Leave {
        client: Arc<Client>,
        topic: TopicId,
        ack: Option<Frame>,
        announce: Option<Arc<Forms>>,
    },
    /// Tell a member from now on who is present, or no longer, and push `ack` to it.
    Watch {
        client: Arc<Client>,
        topic: TopicId,
        watching: Watching,
        ack: Option<(Frame, Option<ReplyCharge>)>,
    },
    /// Push a notice to every member that is told who is present: `to_fresh` by what they know to those
    /// that began to watch, or asked, since the last one, and `to_told` to the others.
    Announce {
        topic: TopicId,
        to_told: Option<Arc<Forms>>,
        to_fresh: Arc<[Option<Arc<Forms>>]>,
    },
    /// Push the broadcast to every member except `exclude`, each in its form.
    Broadcast {
        topic: TopicId,
        forms: Arc<Forms>,
        /// Whether the topic's overflow policy applies to it.
        is_publication: bool,
        exclude: Option<Arc<Client>>,
        /// What the excluded member receives instead.
        ack: Option<Frame>,
    },
    /// Push the frame to one client.
    Send { client: Arc<Client>, frame: Frame },
    /// Push the reply to a client's command; it is not evicted for that. Without a `charge`, it is
    /// counted when it is pushed.
    Reply {
        client: Arc<Client>,
        frame: Frame,
        charge: Option<ReplyCharge>,
    },
    /// Push a pong ahead of queued messages; if too many pongs are queued, drop the oldest.
    Pong {
        client: Arc<Client>,
        frame: Frame,
        charge: ReplyCharge,
    },
    /// Push a Close frame as the last frame, and reset the connection after `linger`.
    Close {
        client: Arc<Client>,
        frame: Frame,
        linger: Duration,
    },
    /// Drop the connection and free its slot; with `reset`, because the peer has not closed
    /// its side.
    Release { client: Arc<Client>, reset: bool },
    /// Report the first `limit` members of a topic after the id `after`, by id.
    Members {
        topic: TopicId,
        after: Option<Uuid>,
        limit: usize,
        reply: oneshot::Sender<Vec<Arc<Client>>>,
    },
    /// Report what these clients have been sent and what is queued for them.
    Inspect {
        clients: Vec<Arc<Client>>,
        reply: oneshot::Sender<Vec<Sent>>,
    },
}

/// Whether a member is told who is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hub) enum Watching {
    /// It is not.
    Not,
    /// It is, and knows this.
    Knowing(Knows),
}

/// What one client has been sent, and what is still queued for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Messages in the outbox.
    pub queued_messages: usize,
    /// Bytes in the outbox.
    pub queued_bytes: usize,
    /// Messages written to the socket in full.
    pub messages: u64,
    /// Bytes written to the socket.
    pub bytes: u64,
}

/// The hub has shut down: its shards no longer run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hub has shut down")]
pub struct HubClosed;

impl Entry {
    /// The number of bytes that the entry adds to one outbox, roughly.
    pub(in crate::hub) fn frame_bytes(&self) -> usize {
        match self {
            Self::Join { ack, announce, .. } | Self::Leave { ack, announce, .. } => {
                let ack = ack.as_ref().map_or(0, Frame::len);
                ack + announce.as_ref().map_or(0, |forms| forms.len())
            }
            Self::Broadcast { forms, .. } => forms.len(),
            Self::Announce {
                to_told, to_fresh, ..
            } => {
                let fresh = to_fresh.iter().flatten();
                let forms = to_told.iter().chain(fresh).map(|forms| forms.len());
                forms.max().unwrap_or(0)
            }
            Self::Watch { ack, .. } => ack.as_ref().map_or(0, |(frame, _)| frame.len()),
            Self::Send { frame, .. }
            | Self::Reply { frame, .. }
            | Self::Pong { frame, .. }
            | Self::Close { frame, .. } => frame.len(),
            Self::Connect { .. }
            | Self::Release { .. }
            | Self::Members { .. }
            | Self::Inspect { .. } => 0,
        }
    }
}
