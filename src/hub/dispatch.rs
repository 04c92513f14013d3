//! Putting a broadcast into the mailbox of each shard that has members.

use std::sync::Arc;

use super::client::Client;
use super::log::Sequenced;
use super::shard::{Entry, Permits};
use super::topic::{TopicId, TopicState};
use crate::wire::Frame;

/// A permit for a shard that has members was missing, or the topic has retired: nothing was
/// changed, and the caller tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retry;

/// One broadcast on its way to the shards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Broadcast<'a> {
    /// As members without offsets receive it.
    pub(super) frame: &'a Frame,
    /// As members with offsets receive it, if the topic keeps a history.
    pub(super) sequenced: Option<&'a Sequenced>,
    /// A publication, to which the topic's overflow policy applies; else a notice.
    pub(super) is_publication: bool,
    /// The member left out, and what it gets instead.
    pub(super) exclude: Option<(&'a Arc<Client>, Option<&'a Frame>)>,
    /// A shard left out, because another entry tells its members.
    pub(super) except_shard: Option<usize>,
}

impl<'a> Broadcast<'a> {
    /// A notice to all members.
    pub(super) fn notice(frame: &'a Frame) -> Self {
        Self {
            frame,
            sequenced: None,
            is_publication: false,
            exclude: None,
            except_shard: None,
        }
    }

    /// A notice to the members of other shards than this one.
    pub(super) fn notice_elsewhere(frame: &'a Frame, shard: usize) -> Self {
        Self {
            except_shard: Some(shard),
            ..Self::notice(frame)
        }
    }
}

impl TopicState {
    /// Checks that there is a permit for each shard with members, but for `except`.
    pub(super) fn check_permits(
        &self,
        permits: &Permits<'_>,
        except: Option<usize>,
    ) -> Result<(), Retry> {
        let mut shards = self.audience.shards();
        let covered = shards.all(|shard| Some(shard) == except || permits.has(shard));
        covered.then_some(()).ok_or(Retry)
    }

    /// Puts the broadcast into the mailboxes. The permits were checked under the same lock.
    pub(super) fn dispatch(
        &self,
        topic: TopicId,
        permits: &mut Permits<'_>,
        broadcast: Broadcast<'_>,
    ) {
        let Broadcast {
            frame,
            sequenced,
            is_publication,
            exclude,
            except_shard,
        } = broadcast;
        for shard in self.audience.shards() {
            if Some(shard) == except_shard {
                continue;
            }
            let exclude = exclude.filter(|(client, _)| client.shard == shard);
            permits.send(
                shard,
                Entry::Broadcast {
                    topic,
                    frame: frame.clone(),
                    sequenced: sequenced.cloned(),
                    is_publication,
                    exclude: exclude.map(|(client, _)| Arc::clone(client)),
                    ack: exclude.and_then(|(_, ack)| ack.cloned()),
                },
            );
        }
    }
}
