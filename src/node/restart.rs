//! Restarts without a gap: histories and idempotency keys go from one process to the next in a file.

use std::io::{self, BufReader, Write};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use super::Node;
use super::dedup::{Dedup, Key, Outcome};
use super::drain::DrainOptions;
use super::history_file::HistoryFile;
use super::restart_error::{RestoreError, SaveError, SetAside, Unusable};
use crate::dialect::Outgoing;
use crate::history::saved::{Reader, Record, SavedEnd, SavedKey, Writer};
use crate::hub::{Contradiction, RestoredHistories, SavedHistories, WallClock};
use crate::protocol::{ChannelName, EventId};

/// The part of a drain's time that is kept for saving the histories.
const SAVING_PART: u32 = 5;
/// The most time that is kept for it.
const MAX_SAVING_TIME: Duration = Duration::from_secs(5);

/// The idempotency keys of an earlier process, newest first.
type Keys = Vec<(Key, Outcome, Instant)>;

impl Node {
    /// Drains the node and then saves the histories and idempotency keys, both within the timeout
    /// of `options`. Returns the number of connections that were still open.
    ///
    /// Cancel safety: as for [`drain`](Self::drain). The file is replaced as a whole or not at all.
    pub async fn drain_and_save(
        self: &Arc<Self>,
        options: &DrainOptions,
        path: &Path,
    ) -> (usize, Result<SavedHistories, SaveError>) {
        let deadline = Instant::now() + options.timeout;
        let saving = (options.timeout / SAVING_PART).min(MAX_SAVING_TIME);
        let draining = DrainOptions {
            timeout: options.timeout.saturating_sub(saving),
            ..options.clone()
        };
        let left = self.drain(&draining).await;
        let (node, file) = (self.clone(), HistoryFile::new(path, self.run));
        let saved = spawn_blocking(move || node.save_to(&file, deadline));
        // A file system that hangs must not hold up the shutdown.
        let saved = match timeout_at(deadline, saved).await {
            Ok(saved) => saved.unwrap_or_else(|error| Err(not_run(error).into())),
            Err(_elapsed) => Err(SaveError::Late),
        };
        (left, saved)
    }

    /// Goes on with the histories and idempotency keys that an earlier process saved, and removes
    /// the file. `None` if there is none. To be called before anybody connects or publishes.
    ///
    /// Errors: nothing is restored.
    pub async fn restore(
        self: &Arc<Self>,
        path: &Path,
        max_bytes: u64,
    ) -> Result<Option<RestoredHistories>, RestoreError> {
        let (node, file) = (self.clone(), HistoryFile::new(path, self.run));
        let restored = spawn_blocking(move || node.restore_from(&file, max_bytes)).await;
        restored.unwrap_or_else(|error| Err(RestoreError::Folder(not_run(error))))
    }

    fn save_to(&self, file: &HistoryFile, deadline: Instant) -> Result<SavedHistories, SaveError> {
        let saved = file.replace(|file| {
            let mut out = Writer::begin(file)?;
            let saved = self.hub.save_topics(&mut out, deadline)?;
            if let Some(dedup) = &self.dedup {
                save_keys(dedup, &mut out)?;
            }
            let epochs = self.hub.epochs_to_save();
            out.write(&Record::End(SavedEnd { epochs }))?;
            out.finish()?;
            Ok(saved)
        });
        match (saved, self.unclaimed.get()) {
            // Nobody else needs to have been started for that.
            (Err(SaveError::TakenOver), Some(why)) => Err(SaveError::NotClaimed(why.clone())),
            (saved, _) => saved,
        }
    }

    fn restore_from(
        &self,
        file: &HistoryFile,
        max_bytes: u64,
    ) -> Result<Option<RestoredHistories>, RestoreError> {
        if file.is_something_else() {
            return Err(RestoreError::Unusable {
                reason: Unusable::NotAFile,
                aside: SetAside::Untouched,
            });
        }
        let claimed = file.claim();
        if let Err(error) = &claimed {
            let _ = self.unclaimed.set(error.to_string());
        }
        let Some(opened) = file.open(max_bytes)? else {
            claimed.map_err(RestoreError::Folder)?;
            return Ok(None);
        };
        let unreadable = |error| file.set_aside(Unusable::Unreadable(error));
        let mut reader = Reader::begin(BufReader::new(opened)).map_err(unreadable)?;
        let mut restoring = self.hub.restore();
        let (mut keys, clock) = (Keys::new(), WallClock::now());
        let end = loop {
            let added = match reader.next_record().map_err(unreadable)? {
                Record::Topic(topic) => restoring.topic(&topic),
                Record::Publication(publication) => {
                    restoring.publication(&publication, |kind, name, bytes| {
                        Outgoing::from_bytes(self.hub.dialects(), kind, name, bytes)
                    })
                }
                Record::Key(key) => self.read_key(&key, clock, &mut keys),
                Record::End(end) => break end,
            };
            added.map_err(|Contradiction| unreadable(reader.damaged()))?;
        };
        let damaged = reader.damaged();
        reader.expect_end().map_err(unreadable)?;
        let complete = restoring.complete();
        complete.map_err(|Contradiction| unreadable(damaged))?;
        // From here on, nobody can go on with the same numbers a second time.
        file.remove()?;
        if let Err(error) = claimed {
            tracing::error!(%error, "the histories may not be saved at the next shutdown");
        }
        if let Some(dedup) = &self.dedup {
            for (key, outcome, at) in keys.into_iter().rev() {
                dedup.restore(key, outcome, at);
            }
        }
        Ok(Some(restoring.publish(end.epochs)))
    }

    /// Adds a key, unless it has expired or there are enough.
    fn read_key(
        &self,
        saved: &SavedKey<'_>,
        clock: WallClock,
        keys: &mut Keys,
    ) -> Result<(), Contradiction> {
        let channel = ChannelName::new(saved.channel).map_err(|_| Contradiction)?;
        let id = EventId::key(saved.id).map_err(|_| Contradiction)?;
        let age = clock.age(saved.recorded_at);
        if age >= self.options.publish_window || keys.len() >= self.options.publish_ids {
            return Ok(());
        }
        let at = UNIX_EPOCH.checked_add(Duration::from_millis(saved.at));
        let outcome = Outcome {
            at: at.ok_or(Contradiction)?,
            subscribers: saved.subscribers as usize,
            offset: None,
        };
        keys.push(((channel, id), outcome, clock.before(age)));
        Ok(())
    }
}

/// Passes a panic on. Without one, the runtime is shutting down and has not begun the work.
fn not_run(error: JoinError) -> io::Error {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => io::Error::other(error),
    }
}

fn save_keys(dedup: &Dedup, out: &mut Writer<impl Write>) -> Result<(), SaveError> {
    let clock = WallClock::now();
    for ((channel, id), outcome, recorded_at) in dedup.outcomes() {
        out.write(&Record::Key(SavedKey {
            channel: channel.as_str(),
            id: id.as_str(),
            at: milliseconds(outcome.at),
            recorded_at: clock.to_wall(recorded_at),
            subscribers: outcome.subscribers as u64,
        }))?;
    }
    Ok(())
}

fn milliseconds(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}
