//! Writing the histories, for the process that goes on with them.

use std::io::{self, Write};
use std::sync::Arc;

use tokio::time::Instant;

use super::Hub;
use super::log::{Owner, TopicLog};
use super::topic::Topic;
use super::wall_clock::WallClock;
use crate::dialect::Source;
use crate::history::saved::{
    Record, SavedEpochs, SavedOwner, SavedPublication, SavedTopic, Writer,
};
use crate::protocol::{StreamTop, TopicKind};

/// How many histories were saved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SavedHistories {
    /// Rooms and channels whose positions were saved.
    pub topics: u64,
    /// Publications that were saved.
    pub publications: u64,
}

/// Why histories were not saved.
#[derive(Debug, thiserror::Error)]
pub enum SavingError {
    /// The deadline passed first.
    #[error("there was not enough time")]
    Late,
    /// The system refused to write.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a topic's log is saved from.
struct Copied {
    top: StreamTop,
    used_at: Instant,
    owner: Owner,
    publications: Vec<(Instant, Arc<dyn Source>)>,
}

impl Hub {
    /// Writes every topic that was ever published to, most recently used first, and its history.
    /// From now on, topics that keep a history refuse publications: their next number belongs to
    /// the process that restores them.
    ///
    /// It blocks while `out` does, and checks the deadline before each topic.
    pub fn save_topics(
        &self,
        out: &mut Writer<impl Write>,
        deadline: Instant,
    ) -> Result<SavedHistories, SavingError> {
        self.numbering.close();
        let clock = WallClock::now();
        let kinds = [TopicKind::Channel, TopicKind::Room];
        let topics = kinds
            .into_iter()
            .flat_map(|kind| self.registry.topics(kind));
        let mut topics: Vec<(Instant, Arc<Topic>)> = topics
            .filter_map(|topic| {
                let used_at = topic.with_log(|log| (!log.is_blank()).then_some(log.used_at))??;
                Some((used_at, topic))
            })
            .collect();
        topics.sort_by_key(|&(used_at, _)| std::cmp::Reverse(used_at));
        let mut saved = SavedHistories::default();
        for (_, topic) in topics {
            if Instant::now() >= deadline {
                return Err(SavingError::Late);
            }
            // Copied under the lock, encoded outside. One that is gone by now has been forgotten.
            let Some(copied) = topic.with_log(Copied::of) else {
                continue;
            };
            saved.publications += copied.write(&topic, clock, out)?;
            saved.topics += 1;
        }
        Ok(saved)
    }

    /// What the epochs of all other topics are made from. To be written after the topics.
    pub fn epochs_to_save(&self) -> SavedEpochs {
        self.registry.epochs()
    }
}

impl Copied {
    fn of(log: &mut TopicLog) -> Self {
        Self {
            publications: log.copy(),
            top: log.top(),
            used_at: log.used_at,
            owner: log.owner(),
        }
    }

    /// Returns the number of publications.
    fn write(
        self,
        topic: &Topic,
        clock: WallClock,
        out: &mut Writer<impl Write>,
    ) -> io::Result<u64> {
        // Without a hole: what is older than one that cannot be saved is not saved either.
        let publications = self.publications.iter().rev();
        let encoded = publications.map_while(|(at, source)| Some((*at, source.to_bytes()?)));
        let encoded: Vec<(Instant, Vec<u8>)> = encoded.collect();
        let count = encoded.len() as u64;
        out.write(&Record::Topic(SavedTopic {
            is_room: topic.kind() == TopicKind::Room,
            name: topic.name(),
            epoch: &self.top.epoch,
            newest: self.top.offset,
            publications: count,
            used_at: clock.to_wall(self.used_at),
            owner: match self.owner {
                Owner::User(hash) => SavedOwner::User(hash),
                Owner::Client(id) => SavedOwner::Client(id.into_bytes()),
                Owner::Topic(_) => SavedOwner::Topic,
            },
        }))?;
        for (at, message) in encoded.iter().rev() {
            out.write(&Record::Publication(SavedPublication {
                published_at: clock.to_wall(*at),
                message,
            }))?;
        }
        Ok(count)
    }
}
