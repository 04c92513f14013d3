//! The certificates of a listener, which can be replaced while it runs.

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;

/// The certificates of a listener: one of them for each connection.
///
/// A handshake takes the first that is valid for the name that the client asks for (SNI), and the
/// first of all if none is, or if the client asks for no name. Replacing them changes later
/// handshakes only.
#[derive(Debug)]
pub struct Certificates(ArcSwap<Vec<Certificate>>);

impl Certificates {
    /// Certificates in the order in which they are tried. Without any, no handshake succeeds.
    pub fn new(certificates: Vec<Certificate>) -> Self {
        Self(ArcSwap::from_pointee(certificates))
    }

    /// Replaces all of them.
    pub fn replace(&self, certificates: Vec<Certificate>) {
        self.0.store(Arc::new(certificates));
    }

    /// All of them, in the order in which they are tried.
    pub fn all(&self) -> Vec<Certificate> {
        self.0.load().to_vec()
    }

    /// When the first of them to expire does.
    pub fn expires(&self) -> Option<SystemTime> {
        let certificates = self.0.load();
        certificates.iter().map(Certificate::expires).min()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificates = self.0.load();
        let (first, others) = certificates.split_first()?;
        let name = hello.server_name().filter(|_| !others.is_empty());
        let name = name.and_then(|name| ServerName::try_from(name).ok());
        let named = name.and_then(|name| {
            let mut certificates = certificates.iter();
            certificates.find(|certificate| is_valid_for(certificate, &name))
        });
        Some(named.unwrap_or(first).key())
    }
}

fn is_valid_for(certificate: &Certificate, name: &ServerName<'_>) -> bool {
    let key = certificate.key();
    let Ok(end_entity) = key.end_entity_cert() else {
        return false;
    };
    ParsedCertificate::try_from(end_entity)
        .is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, name).is_ok())
}
