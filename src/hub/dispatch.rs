//! Dispatches a broadcast to the mailbox of every shard that has members.

use std::sync::Arc;

use super::client::Client;
use super::forms::Forms;
use super::shard::{Entry, Permits};
use super::topic::{TopicId, TopicState};
use crate::wire::Frame;

/// A shard with members had no permit, or the topic has been retired. Nothing was changed;
/// the caller starts over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retry;

/// One broadcast to a topic's members.
#[derive(Debug, Clone, Copy)]
pub(super) struct Broadcast<'a> {
    /// What the members receive.
    pub(super) forms: &'a Arc<Forms>,
    /// Whether this is a publication, to which the topic's overflow policy applies, rather
    /// than a notice.
    pub(super) is_publication: bool,
    /// The member to skip, and the frame it receives instead.
    pub(super) exclude: Option<(&'a Arc<Client>, Option<&'a Frame>)>,
    /// A shard to skip because another entry informs its members.
    pub(super) except_shard: Option<usize>,
}

impl<'a> Broadcast<'a> {
    /// A notice to all members.
    pub(super) fn notice(forms: &'a Arc<Forms>) -> Self {
        Self {
            forms,
            is_publication: false,
            exclude: None,
            except_shard: None,
        }
    }

    /// A notice to the members in every shard but this one.
    pub(super) fn notice_elsewhere(forms: &'a Arc<Forms>, shard: usize) -> Self {
        Self {
            except_shard: Some(shard),
            ..Self::notice(forms)
        }
    }
}

impl TopicState {
    /// Checks that there is a permit for each shard with members, except for `except`.
    pub(super) fn check_permits(
        &self,
        permits: &Permits<'_>,
        except: Option<usize>,
    ) -> Result<(), Retry> {
        let mut shards = self.audience.shards();
        let covered = shards.all(|shard| Some(shard) == except || permits.has(shard));
        covered.then_some(()).ok_or(Retry)
    }

    /// Puts the broadcast into the mailboxes. The caller has checked the permits under the
    /// same lock.
    pub(super) fn dispatch(
        &self,
        topic: TopicId,
        permits: &mut Permits<'_>,
        broadcast: Broadcast<'_>,
    ) {
        let Broadcast {
            forms,
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
                    forms: forms.clone(),
                    is_publication,
                    exclude: exclude.map(|(client, _)| Arc::clone(client)),
                    ack: exclude.and_then(|(_, ack)| ack.cloned()),
                },
            );
        }
    }
}
