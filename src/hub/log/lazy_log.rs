//! A log that takes hardly any memory before the first publication.

use std::sync::Arc;

use super::budget::Budget;
use super::owner::Owner;
use super::topic_log::TopicLog;
use crate::history::HistoryLimits;
use crate::hub::epochs::Epochs;
use crate::hub::topic::TopicId;
use crate::protocol::{StreamTop, TopicKind};

/// The history of one topic. Clients can subscribe to any number of names that nobody ever publishes
/// to, so a log is only made when it is needed.
#[derive(Debug)]
pub(in crate::hub) enum LazyLog {
    /// The topic keeps no history.
    None,
    /// Nothing was published yet.
    Blank(BlankLog),
    /// Something was published.
    Kept(Box<TopicLog>),
}

/// What the log of a topic is made from.
#[derive(Debug)]
pub(in crate::hub) struct BlankLog {
    origin: Arc<LogOrigin>,
    /// The number of forgotten topics when the topic was created: a part of its epoch.
    forgotten: u64,
}

/// What logs with the same limits are made from.
#[derive(Debug)]
pub(in crate::hub) struct LogOrigin {
    pub(in crate::hub) kind: TopicKind,
    pub(in crate::hub) limits: HistoryLimits,
    pub(in crate::hub) budget: Arc<Budget>,
    pub(in crate::hub) epochs: Arc<Epochs>,
}

impl LazyLog {
    /// The log of a topic that nobody has published to.
    pub(in crate::hub) fn blank(origin: &Arc<LogOrigin>, forgotten: u64) -> Self {
        let origin = origin.clone();
        Self::Blank(BlankLog { origin, forgotten })
    }

    /// The log, if something was published.
    pub(in crate::hub) fn kept(&self) -> Option<&TopicLog> {
        match self {
            Self::Kept(log) => Some(log),
            Self::None | Self::Blank(_) => None,
        }
    }

    /// The same, to change it.
    pub(in crate::hub) fn kept_mut(&mut self) -> Option<&mut TopicLog> {
        match self {
            Self::Kept(log) => Some(log),
            Self::None | Self::Blank(_) => None,
        }
    }

    /// The log to publish to, unless the topic keeps no history.
    pub(in crate::hub) fn begin(&mut self, id: TopicId, name: &str) -> Option<&mut TopicLog> {
        if let Self::Blank(blank) = self {
            *self = Self::Kept(Box::new(blank.log(id, name)));
        }
        self.kept_mut()
    }
}

impl BlankLog {
    /// An empty log.
    pub(in crate::hub) fn log(&self, id: TopicId, name: &str) -> TopicLog {
        let LogOrigin { limits, budget, .. } = &*self.origin;
        TopicLog::new(*limits, self.epoch(name), budget, Owner::Topic(id))
    }

    pub(in crate::hub) fn top(&self, name: &str) -> StreamTop {
        StreamTop {
            offset: 0,
            epoch: self.epoch(name),
        }
    }

    fn epoch(&self, name: &str) -> Arc<str> {
        let LogOrigin { kind, epochs, .. } = &*self.origin;
        epochs.epoch(*kind, name, self.forgotten)
    }
}
