//! `[tls]`: the certificates of the public listener.

use crate::transport::tls::{CertificateFiles, TlsOptions};
use crate::wire::tls::{Certificate, TlsVersion};

/// The words for the oldest version that is accepted.
pub(super) const VERSIONS: &[&str] = &["1.3", "1.2"];

/// TLS of the public listener.
#[derive(Debug, Clone)]
pub(crate) struct TlsConfig {
    /// The files of the certificate for clients that ask for no other name; empty for none.
    pub(super) cert: String,
    pub(super) key: String,
    /// The oldest version that is accepted, one of [`VERSIONS`].
    pub(super) min_version: String,
    pub(super) handshake_threads: usize,
    /// Where the certificates are, in the order in which they are tried.
    pub(crate) files: Vec<CertificateFiles>,
    /// What was read from there. Without any, the listener speaks no TLS.
    pub(crate) certificates: Vec<Certificate>,
}

impl TlsConfig {
    /// Whether the public listener speaks TLS.
    pub(crate) fn is_on(&self) -> bool {
        !self.certificates.is_empty()
    }

    /// How handshakes are made.
    pub(crate) fn options(&self) -> TlsOptions {
        TlsOptions {
            min_version: match self.min_version.as_str() {
                "1.3" => TlsVersion::V1_3,
                _ => TlsVersion::V1_2,
            },
            threads: self.handshake_threads,
            ..TlsOptions::default()
        }
    }
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            cert: String::new(),
            key: String::new(),
            min_version: "1.2".to_owned(),
            handshake_threads: TlsOptions::default().threads,
            files: Vec::new(),
            certificates: Vec::new(),
        }
    }
}
