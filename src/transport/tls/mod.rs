//! TLS for the listeners: handshakes on threads of their own, and certificates that are replaced
//! while the server runs.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod acceptor;
#[cfg(feature = "tls")]
mod files;
#[cfg(feature = "tls")]
mod handshake;
#[cfg(feature = "tls")]
mod places;
#[cfg(feature = "tls")]
mod reload;
#[cfg(feature = "tls")]
mod stats;
#[cfg(feature = "tls")]
mod threads;

#[cfg(not(feature = "tls"))]
pub use absent::TlsAcceptor;
#[cfg(feature = "tls")]
pub use acceptor::{TlsAcceptor, TlsOptions};
#[cfg(feature = "tls")]
pub use files::CertificateFiles;
#[cfg(feature = "tls")]
pub use reload::Reloader;
#[cfg(feature = "tls")]
pub use stats::TlsStats;

/// Why a connection is closed before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "there are none"))]
pub enum NoHandshake {
    /// It took too long, or had to make room for others.
    Late,
    /// The peer has ended, cannot speak TLS as the server does, or the server is stopping.
    Failed,
}
