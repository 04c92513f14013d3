//! The announcer sends the changes of presence when they are due.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::task::yield_now;
use tokio::time::sleep_until;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::announcements::Announcements;
use super::announcing::{When, wanted};
use crate::dialect::Dialects;
use crate::hub::shard::{HubClosed, MailboxList, Reserved};
use crate::hub::topic::{Topic, now};

/// Topics that are looked at before others get a turn.
const TOPICS_PER_TURN: usize = 64;

/// The task that announces who has come and gone, when that is due. It looks only at topics in which
/// something is.
///
/// A topic whose announcement does not fit into a mailbox waits until it does, behind others that wait
/// for the same shard. So a slow shard delays no topic without watchers there.
#[derive(Debug)]
pub(in crate::hub) struct Announcer {
    mailboxes: MailboxList,
    dialects: Dialects,
    announcements: Arc<Announcements>,
    /// For each shard, the topics that wait for a permit there. Bound: each topic once.
    blocked: Box<[VecDeque<Blocked>]>,
}

/// A topic whose announcement waits for a permit.
#[derive(Debug)]
struct Blocked {
    scheduled: Instant,
    topic: Arc<Topic>,
    watchers: usize,
    bytes: usize,
}

type Wait<'a> = Pin<Box<dyn Future<Output = Result<Reserved<'a>, HubClosed>> + Send + 'a>>;

impl Announcer {
    pub(in crate::hub) fn new(
        mailboxes: MailboxList,
        dialects: Dialects,
        announcements: &Arc<Announcements>,
    ) -> Self {
        Self {
            dialects,
            announcements: announcements.clone(),
            blocked: (0..mailboxes.len()).map(|_| VecDeque::new()).collect(),
            mailboxes,
        }
    }

    /// Spawns the task. It stops when the guard is dropped.
    pub(in crate::hub) fn start(self, tasks: &TaskTracker) -> DropGuard {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tasks.spawn(async move { stopped.run_until_cancelled(self.run()).await });
        stop.drop_guard()
    }

    /// Ends when a shard has.
    async fn run(mut self) -> Result<(), HubClosed> {
        let (mailboxes, announcements) = (self.mailboxes.clone(), self.announcements.clone());
        // One for each shard that topics wait for.
        let mut waits: FuturesUnordered<Wait<'_>> = FuturesUnordered::new();
        loop {
            for _ in 0..TOPICS_PER_TURN {
                let Some((at, topic)) = announcements.take_due(now()) else {
                    break;
                };
                if let Some(full) = self.visit(&mailboxes, at, &topic, None)? {
                    self.wait(full, &mailboxes, &waits);
                }
            }
            let next = announcements.next();
            tokio::select! {
                () = announcements.noted() => {}
                () = sleep_until_or_never(next) => yield_now().await,
                Some(reserved) = waits.next() => {
                    let reserved = reserved?;
                    let shard = reserved.shard;
                    if let Some(Blocked { scheduled, topic, .. }) = self.blocked[shard].pop_front()
                        && let Some(full) =
                            self.visit(&mailboxes, scheduled, &topic, Some(reserved))?
                        && full != shard
                    {
                        self.wait(full, &mailboxes, &waits);
                    }
                    if let Some(next) = self.blocked[shard].front() {
                        waits.push(reserve(&mailboxes, shard, next));
                    }
                }
            }
        }
    }

    /// Waits for a permit of a shard, unless somebody already does.
    fn wait<'a>(
        &self,
        shard: usize,
        mailboxes: &'a MailboxList,
        waits: &FuturesUnordered<Wait<'a>>,
    ) {
        if let [first] = self.blocked[shard].as_slices().0 {
            waits.push(reserve(mailboxes, shard, first));
        }
    }

    /// Announces what is due in a topic that was scheduled for the time `at`. Returns the shard for
    /// whose permit it has to wait, if it does.
    fn visit<'a>(
        &mut self,
        mailboxes: &'a MailboxList,
        at: Instant,
        topic: &Arc<Topic>,
        reserved: Option<Reserved<'a>>,
    ) -> Result<Option<usize>, HubClosed> {
        let (watchers, bytes) = {
            let mut state = topic.state.lock();
            let presence = state.people.presence();
            // Otherwise, it was scheduled for an earlier time meanwhile.
            let Some(presence) = presence.filter(|it| it.is_scheduled(at)) else {
                return Ok(None);
            };
            if !presence.book.is_due(now()) {
                drop(state);
                self.announcements.note_again(topic);
                return Ok(None);
            }
            let bytes = presence.book.announcement_bytes();
            (presence.watchers_by_shard(), bytes)
        };
        match mailboxes.try_reserve(&wanted(&watchers), bytes, reserved)? {
            Ok(mut permits) => {
                // If somebody has begun to watch in a shard without a permit, it is still due.
                let _ = topic.announce(&mut permits, self.dialects, When::Due);
                self.announcements.note_again(topic);
                Ok(None)
            }
            Err(full) => {
                self.blocked[full].push_back(Blocked {
                    scheduled: at,
                    topic: topic.clone(),
                    watchers: watchers[full] as usize,
                    bytes,
                });
                Ok(Some(full))
            }
        }
    }
}

fn reserve<'a>(mailboxes: &'a MailboxList, shard: usize, blocked: &Blocked) -> Wait<'a> {
    Box::pin(mailboxes.reserve_one(shard, blocked.watchers, blocked.bytes))
}

async fn sleep_until_or_never(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => pending().await,
    }
}
