//! A channel's stream in the model: what was published, and what a history still keeps of it.

use serde_json::{Value, json};

/// The number of publications that a history keeps.
pub(super) const KEPT: u64 = 8;

/// What a client asks for when it subscribes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Resume {
    /// No positions.
    Plain,
    /// The publications after the one that is this far behind the newest; ahead of it if negative.
    Behind(i64),
    /// A position in a stream that is not this one.
    OtherEpoch,
    /// The newest publications.
    Last(u64),
}

/// The publications of a channel.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) keeps_history: bool,
    pub(super) epoch: String,
    /// The publications as a client without positions gets them; the first has offset 1.
    published: Vec<Value>,
    /// The offset up to which they have expired.
    expired: u64,
}

impl Stream {
    pub(super) fn new(keeps_history: bool) -> Self {
        Self {
            keeps_history,
            ..Self::default()
        }
    }

    pub(super) fn newest(&self) -> u64 {
        self.published.len() as u64
    }

    /// The offset up to which the history has dropped the publications.
    pub(super) fn dropped(&self) -> u64 {
        self.expired.max(self.newest().saturating_sub(KEPT))
    }

    pub(super) fn kept(&self) -> u64 {
        self.newest() - self.dropped()
    }

    /// Adds a publication, and returns its offset.
    pub(super) fn push(&mut self, publication: Value) -> u64 {
        self.published.push(publication);
        self.newest()
    }

    pub(super) fn publication(&self, offset: u64) -> &Value {
        &self.published[offset as usize - 1]
    }

    /// Everything is too old.
    pub(super) fn expire(&mut self) {
        self.expired = self.newest();
    }

    /// The position that a request names.
    pub(super) fn since(&self, resume: Resume) -> Option<(u64, String)> {
        match resume {
            Resume::Behind(count) => {
                let offset = self.newest().saturating_add_signed(-count);
                Some((offset, self.epoch.clone()))
            }
            Resume::OtherEpoch => Some((0, "another epoch".to_owned())),
            Resume::Plain | Resume::Last(_) => None,
        }
    }

    /// The answer to a subscription, and the number of publications that are replayed.
    pub(super) fn answer(&self, channel: &str, resume: Resume) -> (Value, u64) {
        let mut answer = json!({"type": "subscribed", "channel": channel});
        if matches!(resume, Resume::Plain) {
            return (answer, 0);
        }
        if !self.keeps_history {
            if self.since(resume).is_some() {
                answer["recovered"] = json!(false);
                answer["reason"] = json!("no_history");
            }
            return (answer, 0);
        }
        answer["offset"] = json!(self.newest());
        answer["epoch"] = json!(self.epoch);
        let replayed = match (self.since(resume), resume) {
            (Some((offset, epoch)), _) => {
                let refused = if epoch != self.epoch {
                    Some("epoch_changed")
                } else if offset > self.newest() {
                    Some("offset_ahead")
                } else {
                    (offset < self.dropped()).then_some("history_trimmed")
                };
                answer["recovered"] = json!(refused.is_none());
                if let Some(reason) = refused {
                    answer["reason"] = json!(reason);
                }
                refused.map_or(self.newest().saturating_sub(offset), |_| 0)
            }
            (None, Resume::Last(last)) => last.min(self.kept()),
            (None, _) => 0,
        };
        let wants_last = matches!(resume, Resume::Last(_));
        if answer.get("recovered").is_some() || wants_last {
            answer["replayed"] = json!(replayed);
        }
        (answer, replayed)
    }
}
