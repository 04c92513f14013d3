//! Writes revocations to their file, several at once.

use std::mem::take;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::file::RevocationFile;

/// Lines that wait to be written. Requests wait for room.
const MAX_WAITING: usize = 1024;
/// Lines after which the file is written anew, without those that have ended or were taken back.
const LINES_BEFORE_REWRITE: usize = 100_000;
/// How long writing may take until the request is told that it failed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A revocation is in force, or was taken back, but a restart will not know it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it holds until a restart, but could not be written to the file: {0}")]
pub struct NotSaved(String);

/// The file's writer. Its task ends when this is dropped and everything is written.
#[derive(Debug)]
pub(in crate::node) struct Journal {
    lines: mpsc::Sender<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    line: Vec<u8>,
    written: oneshot::Sender<Result<(), NotSaved>>,
}

/// A place for one line.
pub(super) struct Place<'a>(mpsc::Permit<'a, Waiting>);

/// Tells when a line is on the disk.
pub(super) struct Written(oneshot::Receiver<Result<(), NotSaved>>);

impl Journal {
    pub(super) fn start(file: RevocationFile, tasks: &TaskTracker) -> Self {
        let (lines, waiting) = mpsc::channel(MAX_WAITING);
        tasks.spawn(write(Arc::new(file), waiting));
        Self { lines }
    }

    /// Reserves a place.
    ///
    /// Cancel safety: takes nothing.
    pub(super) async fn place(&self) -> Result<Place<'_>, NotSaved> {
        match timeout(WRITE_TIMEOUT, self.lines.reserve()).await {
            Ok(Ok(permit)) => Ok(Place(permit)),
            Ok(Err(_)) => Err(NotSaved("the server is shutting down".to_owned())),
            Err(_elapsed) => Err(late()),
        }
    }
}

impl Place<'_> {
    /// Hands over the line.
    pub(super) fn send(self, line: Vec<u8>) -> Written {
        let (written, result) = oneshot::channel();
        self.0.send(Waiting { line, written });
        Written(result)
    }
}

impl Written {
    /// Waits until the line is on the disk.
    pub(super) async fn wait(self) -> Result<(), NotSaved> {
        match timeout(WRITE_TIMEOUT, self.0).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(NotSaved("the writer has ended".to_owned())),
            Err(_elapsed) => Err(late()),
        }
    }
}

fn late() -> NotSaved {
    NotSaved("the file system did not answer in time".to_owned())
}

async fn write(file: Arc<RevocationFile>, mut waiting: mpsc::Receiver<Waiting>) {
    let (mut batch, mut lines) = (Vec::new(), 0);
    while waiting.recv_many(&mut batch, MAX_WAITING).await > 0 {
        lines += batch.len();
        let text = batch.iter_mut().flat_map(|waiting| take(&mut waiting.line));
        let text: Vec<u8> = text.collect();
        let rewrite = lines >= LINES_BEFORE_REWRITE;
        let file = file.clone();
        let written = spawn_blocking(move || {
            file.append(&text)?;
            if rewrite {
                // The lines are safe. If this fails, the next start does it.
                let _ = file.load(SystemTime::now());
            }
            Ok::<_, std::io::Error>(())
        });
        if rewrite {
            lines = 0;
        }
        let written = match written.await {
            Ok(written) => written.map_err(|error| NotSaved(error.to_string())),
            Err(error) => Err(NotSaved(error.to_string())),
        };
        for waiting in batch.drain(..) {
            // The request may be gone.
            let _ = waiting.written.send(written.clone());
        }
    }
}
