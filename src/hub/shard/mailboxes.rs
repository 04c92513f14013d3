//! The mailboxes of all shards, and permits in them.

use std::ops::Deref;
use std::sync::Arc;

use super::entry::{Entry, HubClosed};
use super::mailbox::{Mailbox, MailboxOptions};
use super::permit::{Charge, Permit};

/// All mailboxes, indexed by shard. Clones share them.
#[derive(Debug, Clone)]
pub(in crate::hub) struct MailboxList(Arc<[Arc<Mailbox>]>);

/// All mailboxes, and the lives of the shards, which end when it is dropped.
#[derive(Debug)]
pub(in crate::hub) struct Mailboxes(MailboxList);

impl Mailboxes {
    pub(in crate::hub) fn new(shards: usize, options: MailboxOptions) -> Self {
        let mailboxes = (0..shards).map(|_| Arc::new(Mailbox::new(options)));
        Self(MailboxList(mailboxes.collect()))
    }

    /// The mailboxes for one who does not keep the shards alive.
    pub(in crate::hub) fn list(&self) -> MailboxList {
        self.0.clone()
    }
}

impl Deref for Mailboxes {
    type Target = MailboxList;

    fn deref(&self) -> &MailboxList {
        &self.0
    }
}

impl Drop for Mailboxes {
    fn drop(&mut self) {
        for mailbox in self.0.0.iter() {
            mailbox.finish();
        }
    }
}

impl MailboxList {
    pub(in crate::hub) fn len(&self) -> usize {
        self.0.len()
    }

    /// The mailbox of a shard, whose number comes from a client or from counting up to
    /// [`len`](Self::len). No input names one.
    pub(in crate::hub) fn get(&self, shard: usize) -> &Arc<Mailbox> {
        &self.0[shard]
    }

    /// Reserves a permit in the mailbox of each shard in `members`, for a frame of `bytes` to that
    /// many members.
    ///
    /// Backpressure: waits while a mailbox is full. It holds no other permit meanwhile, so that a
    /// slow shard does not slow down the others.
    /// Errors: [`HubClosed`] if a wanted shard no longer runs.
    /// Cancel safety: permits already reserved are returned.
    pub(in crate::hub) async fn reserve(
        &self,
        members: impl Fn(usize) -> Option<usize>,
        bytes: usize,
    ) -> Result<Permits<'_>, HubClosed> {
        let mut waited = None;
        loop {
            match self.try_reserve(&members, bytes, waited.take())? {
                Ok(permits) => return Ok(permits),
                Err(full) => {
                    let members = members(full).unwrap_or(0);
                    waited = Some(self.reserve_one(full, members, bytes).await?);
                }
            }
        }
    }

    /// Reserves the same without waiting. `waited` is a permit that the caller has waited for. The
    /// inner error is a shard whose mailbox is full; nothing is reserved then.
    pub(in crate::hub) fn try_reserve<'a>(
        &'a self,
        members: &impl Fn(usize) -> Option<usize>,
        bytes: usize,
        waited: Option<Reserved<'a>>,
    ) -> Result<Result<Permits<'a>, usize>, HubClosed> {
        let mut permits = Permits::none(&self.0);
        if let Some(Reserved { shard, permit }) = waited {
            permits.reserved[shard] = Some(permit);
        }
        for (shard, mailbox) in self.0.iter().enumerate() {
            let Some(members) = members(shard) else {
                continue;
            };
            if permits.has(shard) {
                continue;
            }
            let deliveries = mailbox.deliveries_of(members, bytes);
            match mailbox.try_reserve(deliveries)? {
                Some(permit) => permits.reserved[shard] = Some(permit),
                None => return Ok(Err(shard)),
            }
        }
        Ok(Ok(permits))
    }

    /// Reserves a permit in one mailbox, for a frame of `bytes` to that many members.
    ///
    /// Backpressure: waits while it is full.
    pub(in crate::hub) async fn reserve_one(
        &self,
        shard: usize,
        members: usize,
        bytes: usize,
    ) -> Result<Reserved<'_>, HubClosed> {
        let mailbox = &self.0[shard];
        let deliveries = mailbox.deliveries_of(members, bytes);
        let permit = mailbox.reserve(deliveries).await?;
        Ok(Reserved { shard, permit })
    }

    /// Puts an entry into the ordered lane even if it is full. Only for what happens once per
    /// connection: its begin and its end.
    pub(in crate::hub) fn push(&self, shard: usize, entry: Entry) -> Result<(), HubClosed> {
        if self.0[shard].is_closed() {
            return Err(HubClosed);
        }
        self.0[shard].push(entry, Charge::default());
        Ok(())
    }

    /// Puts an entry into the urgent lane.
    pub(in crate::hub) fn push_urgent(&self, shard: usize, entry: Entry) -> Result<(), HubClosed> {
        let mailbox = &self.0[shard];
        if mailbox.is_closed() {
            return Err(HubClosed);
        }
        mailbox.push_urgent(entry);
        Ok(())
    }
}

/// A reserved place in the mailbox of this shard.
#[derive(Debug)]
pub(in crate::hub) struct Reserved<'a> {
    pub(in crate::hub) shard: usize,
    permit: Permit<'a>,
}

/// Reserved permits, at most one per shard.
#[derive(Debug)]
pub(in crate::hub) struct Permits<'a> {
    mailboxes: &'a [Arc<Mailbox>],
    reserved: Vec<Option<Permit<'a>>>,
}

impl<'a> Permits<'a> {
    fn none(mailboxes: &'a [Arc<Mailbox>]) -> Self {
        Self {
            mailboxes,
            reserved: mailboxes.iter().map(|_| None).collect(),
        }
    }

    pub(in crate::hub) fn has(&self, shard: usize) -> bool {
        self.reserved[shard].is_some()
    }

    /// Uses the shard's permit to send an entry; never waits.
    pub(in crate::hub) fn send(&mut self, shard: usize, entry: Entry) {
        let permit = self.reserved[shard].take();
        debug_assert!(permit.is_some(), "sent without a permit");
        if let Some(Permit {
            entry: place,
            deliveries,
        }) = permit
        {
            let charge = Charge {
                entries: place.num_permits(),
                deliveries: deliveries.num_permits(),
            };
            place.forget();
            deliveries.forget();
            self.mailboxes[shard].push(entry, charge);
        }
    }
}
