//! The file in which histories outlive the process: replaced at once or not at all, and read once.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::restart_error::{RestoreError, SaveError, SetAside, Unusable};

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// Links to links that are followed. The system gives up after 40.
const MAX_LINKS: usize = 40;

/// The path of a history file, and the files beside it: `.tmp` while it is written, `.owner` with
/// the process that was started last, `.rejected` if it could not be used.
#[derive(Debug)]
pub(super) struct HistoryFile {
    path: PathBuf,
    /// Tells this process from others.
    run: Uuid,
}

impl HistoryFile {
    /// A link stands for the file that it leads to, whether that exists or not: it is this file that
    /// is replaced and removed, and not the link.
    pub(super) fn new(path: &Path, run: Uuid) -> Self {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            let Ok(target) = fs::read_link(&path) else {
                break;
            };
            path = path.parent().unwrap_or(Path::new("")).join(target);
        }
        Self { path, run }
    }

    /// Whether there is something at the path that is not a file, as a folder, a device or a pipe.
    pub(super) fn is_something_else(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| !found.is_file())
    }

    /// Notes that this process was started last. One that was started before does not write the
    /// file any more: this process does not go on with its numbers.
    pub(super) fn claim(&self) -> io::Result<()> {
        fs::write(self.beside("owner"), self.run.to_string())
    }

    /// Whether another process was started since.
    fn is_taken_over(&self) -> bool {
        // One that cannot be read or was cut off says nothing.
        let owner = fs::read_to_string(self.beside("owner"));
        let owner = owner.ok().and_then(|owner| owner.parse::<Uuid>().ok());
        owner.is_some_and(|owner| owner != self.run)
    }

    /// Opens the file for reading. `None` if there is none.
    pub(super) fn open(&self, max_bytes: u64) -> Result<Option<File>, RestoreError> {
        let opened = File::open(&self.path).and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened {
            Ok((bytes, _)) if bytes > max_bytes => Err(self.set_aside(Unusable::TooLarge {
                bytes,
                limit: max_bytes,
            })),
            Ok((_, file)) => Ok(Some(file)),
            // Nor is there one where its folder is a file.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Err(error) => Err(self.set_aside(Unusable::Unreadable(error.into()))),
        }
    }

    /// Removes the file, so that nobody goes on with the same numbers a second time.
    pub(super) fn remove(&self) -> Result<(), RestoreError> {
        self.remove_from_disk()
            .map_err(|error| RestoreError::Unusable {
                aside: SetAside::Failed(io::Error::from(error.kind())),
                reason: Unusable::NotRemoved(error),
            })
    }

    fn remove_from_disk(&self) -> io::Result<()> {
        fs::remove_file(&self.path)?;
        self.sync_folder()
    }

    /// Renames a file that cannot be used. It must not be found by a later start either: what this
    /// process publishes is not in it.
    pub(super) fn set_aside(&self, reason: Unusable) -> RestoreError {
        let to = self.beside("rejected");
        let moved = fs::rename(&self.path, &to).and_then(|()| self.sync_folder());
        let aside = match moved {
            Ok(()) => SetAside::To(to),
            Err(error) => SetAside::Failed(error),
        };
        RestoreError::Unusable { reason, aside }
    }

    /// Writes the file: what `write` does is seen as a whole or not at all, even after a crash of
    /// the machine.
    pub(super) fn replace<T>(
        &self,
        write: impl FnOnce(&mut BufWriter<File>) -> Result<T, SaveError>,
    ) -> Result<T, SaveError> {
        let temporary = self.beside("tmp");
        let replaced = self.write_and_rename(&temporary, write);
        if replaced.is_err() {
            // It may not exist. What is left of it is replaced by the next one.
            let _ = fs::remove_file(&temporary);
        }
        replaced
    }

    fn write_and_rename<T>(
        &self,
        temporary: &Path,
        write: impl FnOnce(&mut BufWriter<File>) -> Result<T, SaveError>,
    ) -> Result<T, SaveError> {
        if self.is_something_else() {
            return Err(SaveError::NotAFile);
        }
        if self.is_taken_over() {
            return Err(SaveError::TakenOver);
        }
        // What a crash has left. The new one must not be a link that somebody put there.
        match fs::remove_file(temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, create(temporary)?);
        let written = write(&mut file)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        // Again, since writing takes a while.
        if self.is_taken_over() {
            return Err(SaveError::TakenOver);
        }
        fs::rename(temporary, &self.path)?;
        if self.is_taken_over() {
            // The other process was started in between, and may have looked for the file before.
            return match self.remove_from_disk() {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
                _ => Err(SaveError::TakenOver),
            };
        }
        self.sync_folder()?;
        Ok(written)
    }

    /// Makes a rename or a removal durable.
    fn sync_folder(&self) -> io::Result<()> {
        let folder = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn beside(&self, extension: &str) -> PathBuf {
        let mut path = OsString::from(&self.path);
        path.push(".");
        path.push(extension);
        path.into()
    }
}

/// Creates a file that only its owner may read: it holds what users were sent.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
