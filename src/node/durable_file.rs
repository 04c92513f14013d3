//! Files that outlive the process: found through links, private, and durable in their folder.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Links to links that are followed. The system gives up after 40.
const MAX_LINKS: usize = 40;

/// The file that a link leads to, whether that exists or not, so that the file is replaced and not the
/// link.
pub(super) fn follow_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// The path with `.` and `extension` appended.
pub(super) fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(".");
    path.push(extension);
    path.into()
}

/// Creates a file that only its owner may read: it holds what users were sent, or who they are.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens the folder of a file. Its `sync_all` makes a rename or a removal durable.
pub(super) fn open_folder(path: &Path) -> io::Result<File> {
    File::open(folder(path)).map_err(|error| {
        let why = format!("the folder cannot be read: {error}");
        io::Error::new(error.kind(), why)
    })
}

/// The folder of a file.
pub(super) fn folder(path: &Path) -> &Path {
    let folder = path.parent();
    let folder = folder.filter(|path| !path.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}
