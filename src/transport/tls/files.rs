//! The files of a certificate.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};

use crate::wire::tls::{Certificate, CertificateError};

/// Maximum size of a file in bytes. A chain with its text has a few thousand.
const MAX_BYTES: u64 = 1024 * 1024;

/// Where a certificate and its key are, both in PEM format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate of the server, followed by those of the authorities that signed it.
    pub cert: String,
    /// Its private key.
    pub key: String,
}

/// Why a certificate cannot be used.
#[derive(Debug)]
pub struct FileProblem {
    /// Whether it is the file of the key.
    pub is_key: bool,
    /// What is wrong, with the path of the file.
    pub message: String,
}

impl CertificateFiles {
    /// Reads both files. This blocks.
    pub fn read(&self) -> Result<Certificate, FileProblem> {
        let chain = read(&self.cert).map_err(|message| FileProblem {
            is_key: false,
            message,
        })?;
        let key = read(&self.key).map_err(|message| FileProblem {
            is_key: true,
            message,
        })?;
        Certificate::from_pem(&chain, &key).map_err(|error: CertificateError| {
            let is_key = error.is_about_key();
            let path = if is_key { &self.key } else { &self.cert };
            FileProblem {
                is_key,
                message: format!("{path}: {error}"),
            }
        })
    }

    /// Whether any user of the machine can read the private key. This blocks.
    #[cfg(unix)]
    pub fn is_key_readable_by_others(&self) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        const OTHERS: u32 = 0o004;
        fs::metadata(&self.key).is_ok_and(|file| file.permissions().mode() & OTHERS != 0)
    }

    /// What shows that a file has changed. This blocks.
    pub(super) fn stamp(&self) -> Stamp {
        [&self.cert, &self.key].map(|path| {
            let metadata = fs::metadata(path).ok()?;
            Some((version(&metadata), metadata.len()))
        })
    }
}

/// The version and the size of each file, if it is there.
pub(super) type Stamp = [Option<(Version, u64)>; 2];

/// Device, inode, and the times of the last change of the contents and of anything, such as the
/// mode.
#[cfg(unix)]
type Version = [i128; 6];
#[cfg(not(unix))]
type Version = Option<std::time::SystemTime>;

/// What differs if a file was written, replaced by another, or had its mode changed. The time of
/// its contents alone does not: whoever makes several versions of a file may give all the same.
#[cfg(unix)]
fn version(file: &Metadata) -> Version {
    use std::os::unix::fs::MetadataExt as _;
    [
        file.dev().into(),
        file.ino().into(),
        file.mtime().into(),
        file.mtime_nsec().into(),
        file.ctime().into(),
        file.ctime_nsec().into(),
    ]
}

#[cfg(not(unix))]
fn version(file: &Metadata) -> Version {
    file.modified().ok()
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let cannot = |error: io::Error| format!("cannot read {path}: {error}");
    // Opening a pipe would block until somebody writes to it, and a device may have no end.
    if !fs::metadata(path).map_err(cannot)?.is_file() {
        return Err(format!("{path} is not a regular file"));
    }
    let (file, mut bytes) = (File::open(path).map_err(cannot)?, Vec::new());
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    match read.map_err(cannot)? as u64 {
        0..=MAX_BYTES => Ok(bytes),
        _ => Err(format!("{path} has more than 1 MiB, so it is no PEM file")),
    }
}
