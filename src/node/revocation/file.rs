//! The file in which revocations outlive the process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use super::saved::{InvalidRevocations, Saved};
use crate::node::durable_file::{beside, create_private, follow_links, open_folder};

/// A larger file is not one of this server: 100,000 revocations of the longest names, and as many that
/// were taken back.
const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// How long another process may hold the file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
const LOCK_RETRY: Duration = Duration::from_millis(5);
/// Numbers that are left to a process that uses the file already: ids are given once.
const RESERVED: u64 = 1_000_000;
/// A line is shorter.
const MAX_LINE_BYTES: u64 = 4096;

/// Why the revocations of earlier processes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RevocationFileError {
    /// The file cannot be read, or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is not one of revocations.
    #[error(transparent)]
    Invalid(#[from] InvalidRevocations),
}

/// A file of revocations. Two processes may use it at once, because one may start before the other has
/// ended. So each read and each write locks a file beside it.
#[derive(Debug)]
pub(super) struct RevocationFile {
    path: PathBuf,
}

impl RevocationFile {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: follow_links(path),
        }
    }

    /// Reads the file, and writes it anew without those that have ended. It is created if there is none.
    pub(super) fn load(&self, now: SystemTime) -> Result<Saved, RevocationFileError> {
        let _locked = self.lock()?;
        let mut saved = match self.read()? {
            Some(text) if !text.is_empty() => {
                let mut saved = Saved::parse(&text)?;
                saved.next = saved.next.saturating_add(RESERVED);
                saved
            }
            _ => Saved::default(),
        };
        saved.forget_ended(now);
        match self.replace(&saved.to_text()) {
            // What was revoked is in force. New revocations fail until there is room.
            Err(error) if error.kind() == ErrorKind::StorageFull && self.path.exists() => {}
            replaced => replaced?,
        }
        Ok(saved)
    }

    /// Appends whole lines. When it returns, they are on the disk.
    pub(super) fn append(&self, lines: &[u8]) -> io::Result<()> {
        let _locked = self.lock()?;
        // By its path each time: another process may have written it anew.
        let mut file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        let end = complete_bytes(&mut file)?;
        // Behind what was written before, but without a line that was cut off.
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        file.write_all(lines)?;
        file.sync_data()
    }

    fn read(&self) -> io::Result<Option<String>> {
        // Before it is opened, which waits for the other end of a pipe.
        let metadata = match fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        if metadata.len() > MAX_BYTES {
            return Err(io::Error::other("it is too large"));
        }
        let mut text = String::new();
        let file = File::open(&self.path)?;
        file.take(MAX_BYTES).read_to_string(&mut text)?;
        Ok(Some(text))
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let folder = open_folder(&self.path)?;
        let temporary = beside(&self.path, "tmp");
        // Left by a process that was killed, or a link that somebody put there.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = create_private(&temporary)?;
        let written = file.write_all(text).and_then(|()| file.sync_all());
        let renamed = written.and_then(|()| fs::rename(&temporary, &self.path));
        if renamed.is_err() {
            // Nobody reads it.
            let _ = fs::remove_file(&temporary);
        }
        renamed?;
        folder.sync_all()
    }

    /// Holds the file until the guard is dropped.
    #[expect(
        clippy::disallowed_methods,
        reason = "runs where blocking is allowed; the standard library has no lock with a deadline"
    )]
    fn lock(&self) -> io::Result<File> {
        let path = beside(&self.path, "lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        let deadline = Instant::now() + LOCK_TIMEOUT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(LOCK_RETRY),
                Err(TryLockError::WouldBlock) => {
                    let why = format!("another process holds {}", path.display());
                    return Err(io::Error::new(ErrorKind::TimedOut, why));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

/// The number of bytes up to the end of the last complete line.
fn complete_bytes(file: &mut File) -> io::Result<u64> {
    let bytes = file.metadata()?.len();
    let start = bytes.saturating_sub(MAX_LINE_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    (&*file).take(MAX_LINE_BYTES).read_to_end(&mut tail)?;
    match tail.iter().rposition(|byte| *byte == b'\n') {
        Some(at) => Ok(start + at as u64 + 1),
        None => Err(io::Error::other("it is not a file of revocations")),
    }
}
