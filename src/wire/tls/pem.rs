//! Certificates and keys as text.

use std::fmt;

use rustls::pki_types::pem::{PemObject as _, SectionKind, SliceIter};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why files are no certificate with its key. The text never has any of a file's contents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The file of the certificate has none.
    #[error("there is no certificate in it (no `BEGIN CERTIFICATE`)")]
    NoCertificate,
    /// It has a private key in its place.
    #[error("it has a private key and no certificate; are certificate and key swapped?")]
    KeyForCertificate,
    /// The file of the certificate is damaged.
    #[error("invalid certificate: {0}")]
    InvalidCertificate(String),
    /// The file of the key has none.
    #[error("there is no private key in it (no `BEGIN PRIVATE KEY`)")]
    NoKey,
    /// It has a certificate in its place.
    #[error("it has a certificate and no private key; are certificate and key swapped?")]
    CertificateForKey,
    /// The key has a passphrase.
    #[error("the private key is encrypted; a key without a passphrase is needed")]
    EncryptedKey,
    /// The file of the key is damaged.
    #[error("invalid private key: {0}")]
    InvalidKey(String),
    /// The key is damaged, or not one that TLS is spoken with.
    #[error(
        "invalid private key: it is damaged, or of a kind or size that is not supported; use ECDSA \
         (P-256, P-384 or P-521), Ed25519, or RSA with 2048 to 8192 bits"
    )]
    UnsupportedKey,
    /// Each is valid, but they do not belong together.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

impl CertificateError {
    /// Whether the file of the key is to blame, not that of the certificate.
    pub fn is_about_key(&self) -> bool {
        matches!(
            self,
            Self::NoKey
                | Self::CertificateForKey
                | Self::EncryptedKey
                | Self::InvalidKey(_)
                | Self::UnsupportedKey
                | Self::Mismatch
        )
    }
}

/// The chain of certificates in a text, that of the server first.
pub(super) fn chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let chain = chain.map_err(|error| CertificateError::InvalidCertificate(in_short(&error)))?;
    match chain.is_empty() {
        false => Ok(chain),
        true if has_key(text) => Err(CertificateError::KeyForCertificate),
        true => Err(CertificateError::NoCertificate),
    }
}

/// The first private key in a text.
pub(super) fn key(text: &[u8]) -> Result<PrivateKeyDer<'static>, CertificateError> {
    match PrivateKeyDer::from_pem_slice(text) {
        Ok(key) => Ok(key),
        // The older form, in which the headers of a mail say so.
        Err(_) if has(text, b"Proc-Type: 4,ENCRYPTED") => Err(CertificateError::EncryptedKey),
        Err(rustls::pki_types::pem::Error::NoItemsFound) => Err(match text {
            text if has(text, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") => {
                CertificateError::EncryptedKey
            }
            text if has(text, b"-----BEGIN CERTIFICATE-----") => {
                CertificateError::CertificateForKey
            }
            _ => CertificateError::NoKey,
        }),
        Err(error) => Err(CertificateError::InvalidKey(in_short(&error))),
    }
}

fn has_key(text: &[u8]) -> bool {
    let mut sections = SliceIter::<(SectionKind, Vec<u8>)>::new(text);
    sections.any(|section| {
        matches!(
            section,
            Ok((
                SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey,
                _
            ))
        )
    })
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// What is wrong with a text, without any of it.
fn in_short(error: &rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error;
    let what: &dyn fmt::Display = match error {
        Error::MissingSectionEnd { .. } => &"a section has no end",
        Error::IllegalSectionStart { .. } => &"a section has no valid beginning",
        Error::Base64Decode(_) => &"a section is not Base64",
        _ => &"not in PEM format",
    };
    what.to_string()
}
