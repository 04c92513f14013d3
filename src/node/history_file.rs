//! The file in which histories outlive the process: replaced at once or not at all, and read once.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::durable_file::{beside, create_private, folder, follow_links, open_folder};
use super::restart_error::{RestoreError, SaveError, SetAside, Unusable};

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// The path of a history file, and the files beside it: `.<run>.tmp` while this process writes one
/// of them, `.owner` with the process that was started last, `.rejected` if it could not be used.
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
        Self {
            path: follow_links(path),
            run,
        }
    }

    /// Whether there is something at the path that is not a file, as a folder, a device or a pipe.
    pub(super) fn is_something_else(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| !found.is_file())
    }

    /// Notes that this process was started last. One that was started before does not write the
    /// file any more: this process does not go on with its numbers. Then removes what those have left
    /// that did not finish writing.
    pub(super) fn claim(&self) -> io::Result<()> {
        // Before the claim: who is started later may begin to write at any time.
        let left = self.unfinished();
        let temporary = self.temporary();
        let written = open_folder(&self.path).and_then(|folder| {
            // Others may read it: a server of another user has to find that it was taken over.
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&temporary)?;
            file.write_all(self.run.to_string().as_bytes())?;
            // It may belong to another user, and then it can be replaced but not written to.
            fs::rename(&temporary, self.beside("owner"))?;
            folder.sync_all()
        });
        if let Err(error) = written {
            let _ = fs::remove_file(&temporary);
            let owner = self.beside("owner");
            let why = format!("{} cannot be written: {error}", owner.display());
            return Err(io::Error::new(error.kind(), why));
        }
        for file in left {
            let _ = fs::remove_file(file);
        }
        Ok(())
    }

    /// The temporary files of all processes. None if the folder cannot be read.
    fn unfinished(&self) -> Vec<PathBuf> {
        let name = self.path.file_name().and_then(OsStr::to_str);
        let (Some(name), Ok(files)) = (name, fs::read_dir(folder(&self.path))) else {
            return Vec::new();
        };
        let is_unfinished = |file: &DirEntry| {
            let file = file.file_name();
            let run = file.to_str().and_then(|file| {
                let run = file.strip_prefix(name)?.strip_prefix('.')?;
                run.strip_suffix(".tmp")
            });
            run.is_some_and(|run| run.parse::<Uuid>().is_ok())
        };
        let files = files.flatten().filter(is_unfinished);
        files.map(|file| file.path()).collect()
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
            .map_err(|error| self.set_aside(Unusable::NotRemoved(error)))
    }

    fn remove_from_disk(&self) -> io::Result<()> {
        // First, so that what cannot be made durable is not done.
        let folder = open_folder(&self.path)?;
        fs::remove_file(&self.path)?;
        folder.sync_all()
    }

    /// Renames a file that cannot be used. It must not be found by a later start either: what this
    /// process publishes is not in it.
    pub(super) fn set_aside(&self, reason: Unusable) -> RestoreError {
        let to = self.beside("rejected");
        let is_there = fs::symlink_metadata(&to).is_ok();
        let aside = match fs::rename(&self.path, &to) {
            Ok(()) if is_there => SetAside::Replacing(to),
            Ok(()) => SetAside::To(to),
            Err(error) => SetAside::Failed(error),
        };
        // If the folder cannot be read, the file is away nevertheless, unless the machine crashes.
        let _ = open_folder(&self.path).and_then(|folder| folder.sync_all());
        RestoreError::Unusable { reason, aside }
    }

    /// Writes the file: what `write` does is seen as a whole or not at all, even after a crash of
    /// the machine.
    pub(super) fn replace<T>(
        &self,
        write: impl FnOnce(&mut BufWriter<File>) -> Result<T, SaveError>,
    ) -> Result<T, SaveError> {
        let temporary = self.temporary();
        let replaced = self.write_and_rename(&temporary, write);
        if replaced.is_err() {
            // It may not exist. What is left of it is removed at the next start.
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
        let folder = open_folder(&self.path)?;
        // It must not be a link that somebody put there.
        match fs::remove_file(temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, create_private(temporary)?);
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
        folder.sync_all()?;
        Ok(written)
    }

    /// No other process writes to it or removes it, except those that are started later.
    fn temporary(&self) -> PathBuf {
        self.beside(&format!("{}.tmp", self.run))
    }

    fn beside(&self, extension: &str) -> PathBuf {
        beside(&self.path, extension)
    }
}
