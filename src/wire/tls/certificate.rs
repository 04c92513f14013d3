//! A certificate with its private key.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::pem::{self, CertificateError};
use super::validity::not_after;

/// A certificate, those of the authorities between it and one that clients trust, and its private
/// key. Cheap to clone.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    expires: SystemTime,
}

/// The key is not shown.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("chain", &self.key.cert.len())
            .field("key", &"***")
            .field("expires", &self.expires)
            .finish()
    }
}

impl Certificate {
    /// Reads a chain of certificates, that of the server first, and a private key, both in PEM
    /// format. The key may be ECDSA, RSA or Ed25519.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = pem::chain(chain)?;
        let key = pem::key(key)?;
        if let Some(place) = chain.iter().position(is_damaged) {
            let message = format!("number {} in the file is damaged", place + 1);
            return Err(CertificateError::InvalidCertificate(message));
        }
        let expires = chain.first().and_then(|first| not_after(first));
        let expires = expires.ok_or_else(|| {
            CertificateError::InvalidCertificate(
                "it does not say until when it is valid".to_owned(),
            )
        })?;
        let provider = default_provider();
        let private = provider.key_provider.load_private_key(key);
        let private = private.map_err(|_| CertificateError::UnsupportedKey)?;
        let key = CertifiedKey::new(chain, private);
        match key.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(Self {
                key: Arc::new(key),
                expires,
            }),
            Err(Error::InconsistentKeys(_)) => Err(CertificateError::Mismatch),
            Err(error) => Err(CertificateError::InvalidCertificate(error.to_string())),
        }
    }

    /// Until when the certificate is valid.
    pub fn expires(&self) -> SystemTime {
        self.expires
    }

    pub(super) fn key(&self) -> Arc<CertifiedKey> {
        self.key.clone()
    }
}

/// Whether the bytes are not those of a certificate. Clients refuse a chain with such a part. One of
/// a kind that rustls does not verify, such as an old root, is none of its business here.
fn is_damaged(certificate: &CertificateDer<'_>) -> bool {
    let parsed = ParsedCertificate::try_from(certificate);
    let is_bad = matches!(
        parsed,
        Err(Error::InvalidCertificate(
            rustls::CertificateError::BadEncoding
        ))
    );
    is_bad || not_after(certificate).is_none()
}
