//! A topic's stream: its publications, in order.

use std::time::Duration;

use super::key::TopicId;
use crate::hub::log::{LazyLog, Replay, TopicLog};
use crate::protocol::{ResumeRequest, Resumption, StreamTop};

/// The publications of a topic, guarded by the topic's lock.
#[derive(Debug)]
pub(in crate::hub) struct Stream {
    /// Set before the topic is removed from the registry. Code that still holds the topic must
    /// look it up again.
    pub(in crate::hub) retired: bool,
    /// The number of broadcasts and publications so far.
    pub(in crate::hub) publications: u64,
    /// The history, if the topic keeps one.
    pub(in crate::hub) log: LazyLog,
}

impl Stream {
    pub(super) fn new(log: LazyLog) -> Self {
        Self {
            retired: false,
            publications: 0,
            log,
        }
    }

    /// The position of the newest publication, if the topic keeps a history.
    pub(in crate::hub) fn top(&self) -> Option<StreamTop> {
        self.log.kept().map(TopicLog::top)
    }

    /// Whether forgetting the stream would lose nothing: it has no history, or nothing was
    /// ever published.
    pub(super) fn is_blank(&self) -> bool {
        self.log.kept().is_none_or(TopicLog::is_blank)
    }

    /// Whether the log is empty and was last published to at least `ttl` ago.
    pub(super) fn is_idle(&self, ttl: Duration) -> bool {
        let log = self.log.kept();
        log.is_some_and(|log| log.is_empty() && log.used_at.elapsed() >= ttl)
    }

    /// Answers a resume request, and says where the replay starts.
    pub(in crate::hub) fn resume(
        &mut self,
        (id, name): (TopicId, &str),
        request: &ResumeRequest,
    ) -> (Resumption, Option<Replay>) {
        let (resumption, replay) = match &mut self.log {
            LazyLog::None => return (Resumption::without_history(request), None),
            LazyLog::Blank(blank) => blank.log(id, name).resume(request),
            LazyLog::Kept(log) => log.resume(request),
        };
        (resumption, Some(replay))
    }
}
