//! What has happened to a server's TLS connections and certificates.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::wire::tls::Certificates;

/// Counts of a server with TLS.
#[derive(Debug)]
pub struct TlsStats {
    certificates: Arc<Certificates>,
    handshakes: AtomicU64,
    handshake_failures: AtomicU64,
    reload_failures: AtomicU64,
}

impl TlsStats {
    pub(super) fn new(certificates: Arc<Certificates>) -> Self {
        Self {
            certificates,
            handshakes: AtomicU64::new(0),
            handshake_failures: AtomicU64::new(0),
            reload_failures: AtomicU64::new(0),
        }
    }

    /// When the first certificate to expire does.
    pub fn expires(&self) -> Option<SystemTime> {
        self.certificates.expires()
    }

    /// Whole days until a certificate expires; negative once one has.
    pub fn days_left(&self) -> Option<i64> {
        const DAY: u64 = 24 * 3600;
        let expires = self.expires()?;
        Some(match expires.duration_since(SystemTime::now()) {
            Ok(left) => (left.as_secs() / DAY).cast_signed(),
            Err(error) => -(error.duration().as_secs() / DAY + 1).cast_signed(),
        })
    }

    /// Handshakes that were completed.
    pub fn handshakes(&self) -> u64 {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// Handshakes that failed, or took too long.
    pub fn handshake_failures(&self) -> u64 {
        self.handshake_failures.load(Ordering::Relaxed)
    }

    /// Changed certificates that could not be used, so that the old ones stayed.
    pub fn reload_failures(&self) -> u64 {
        self.reload_failures.load(Ordering::Relaxed)
    }

    pub(super) fn count_handshake(&self) {
        self.handshakes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_failure(&self) {
        self.handshake_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_reload_failure(&self) {
        self.reload_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn certificates(&self) -> &Certificates {
        &self.certificates
    }
}
