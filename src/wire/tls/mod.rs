//! TLS without I/O: certificates, the settings of a server, and the records of one connection.
//!
//! This is the only folder that names rustls. Without the feature `tls`, no connection has records.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "tls")]
mod certificates;
mod error;
#[cfg(feature = "tls")]
mod pem;
#[cfg(feature = "tls")]
mod records;
#[cfg(feature = "tls")]
mod server_tls;
#[cfg(feature = "tls")]
mod validity;

#[cfg(not(feature = "tls"))]
pub use absent::Records;
#[cfg(feature = "tls")]
pub use certificate::Certificate;
#[cfg(feature = "tls")]
pub use certificates::Certificates;
pub use error::TlsEnd;
#[cfg(feature = "tls")]
pub use pem::CertificateError;
#[cfg(feature = "tls")]
pub use records::Records;
#[cfg(feature = "tls")]
pub use server_tls::{ServerTls, TlsVersion};

/// Maximum number of bytes that one record carries
/// ([RFC 8446 §5.1](https://www.rfc-editor.org/rfc/rfc8446#section-5.1)).
pub const MAX_PLAINTEXT: usize = 16 * 1024;
/// Maximum number of received bytes that wait for the rest of their record: more than the longest
/// record has, 16 KiB and 2 KiB of overhead.
pub const MAX_UNPROCESSED: usize = 20 * 1024;
