//! How a listener speaks TLS.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{Ticketer, default_provider};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};

use super::certificates::Certificates;

/// What is spoken inside TLS, as clients that negotiate it call it.
const HTTP_1_1: &[u8] = b"http/1.1";

/// The oldest version of TLS that is accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 and 1.3.
    #[default]
    V1_2,
    /// Only TLS 1.3.
    V1_3,
}

/// The settings of all connections of a listener. Cheap to clone.
///
/// A session is resumed with a ticket: clients keep it, encrypted with a key that changes every six
/// hours, and the server keeps nothing. No data is accepted before the handshake is complete (0-RTT),
/// because it could be replayed.
#[derive(Debug, Clone)]
pub struct ServerTls(Arc<ServerConfig>);

impl ServerTls {
    /// Settings for a server with these certificates.
    ///
    /// Errors: the system gives no random bytes.
    pub fn new(certificates: Arc<Certificates>, least: TlsVersion) -> Result<Self, String> {
        let versions: &[_] = match least {
            TlsVersion::V1_2 => &[&TLS13, &TLS12],
            TlsVersion::V1_3 => &[&TLS13],
        };
        let failed = |error: rustls::Error| format!("cannot set up TLS: {error}");
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .map_err(failed)?
            .with_no_client_auth()
            .with_cert_resolver(certificates);
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        config.ticketer = Ticketer::new().map_err(failed)?;
        config.send_tls13_tickets = 1;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.max_early_data_size = 0;
        Ok(Self(Arc::new(config)))
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.0.clone()
    }
}
