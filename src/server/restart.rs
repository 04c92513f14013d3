//! Histories and revocations over a restart.

use std::path::Path;

use super::WebSocketServer;
use crate::hub::{RestoredHistories, SavedHistories};
use crate::node::{RestoreError, RevocationFileError, SaveError};

/// A saved file of more than this many times the limit of all histories is not one of this server.
const MAX_FILE_FACTOR: u64 = 4;

/// Restarts without a gap.
impl WebSocketServer {
    /// Goes on with the histories, positions and idempotency keys that an earlier process saved
    /// with [`drain_and_save`](Self::drain_and_save). Returns `None` if there is no file.
    ///
    /// Call it before anybody connects or publishes. The file is removed before it is used, so
    /// a crash loses the histories instead of repeating their numbers. What is older than the
    /// configuration allows, or more, is dropped. Beside the file, one with `.owner` appended to
    /// its name marks the server that was started last: only that one saves.
    ///
    /// # Errors
    ///
    /// Nothing was restored, and clients that resume are told so (`epoch_changed`). A file that
    /// cannot be used is renamed: `.rejected` is appended to its name. The server works in any case.
    pub async fn restore_histories(
        &self,
        file: impl AsRef<Path>,
    ) -> Result<Option<RestoredHistories>, RestoreError> {
        let total = self.config.history.total as u64;
        let max_bytes = total.saturating_mul(MAX_FILE_FACTOR);
        self.node.restore(file.as_ref(), max_bytes).await
    }

    /// Shuts down as [`drain`](Self::drain) does, and then saves histories, positions and
    /// idempotency keys for the next process. Returns the number of connections that were still
    /// open, and what was saved.
    ///
    /// Both together take at most the drain timeout; a fifth of it, at most 5 s, is kept for saving.
    /// The file is replaced as a whole or not at all, and only its owner may read it.
    ///
    /// # Errors
    ///
    /// Nothing was saved.
    ///
    /// Cancel safety: as for `drain`; a file that is being written may still be completed.
    pub async fn drain_and_save(
        &self,
        file: impl AsRef<Path>,
    ) -> (usize, Result<SavedHistories, SaveError>) {
        let options = self.config.drain();
        self.node.drain_and_save(&options, file.as_ref()).await
    }

    /// Goes on with the revocations of a file, and keeps new ones there. Returns how many are in force.
    ///
    /// Call it before anybody connects. The file is created if there is none, and only its owner may
    /// read it. Each revocation is on the disk before the request for it is answered. The next process
    /// may use the file before this one has ended.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written, or is another one. Revocations are in memory only then, so
    /// a server that relies on them should not start.
    pub async fn keep_revocations(
        &self,
        file: impl AsRef<Path>,
    ) -> Result<usize, RevocationFileError> {
        self.node.keep_revocations(file.as_ref(), &self.tasks).await
    }
}
