//! TLS of the public listener.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::TlsConfig;
use crate::transport::tls::{Reloader, TlsAcceptor};
use crate::wire::tls::Certificates;

/// How often the files of the certificates are looked at.
const INTERVAL: Duration = Duration::from_secs(10);
/// A certificate that expires sooner is worth a line of the log.
const FEW_DAYS: i64 = 14;

/// Makes handshakes, and what asks for the certificates to be read again. `None` without TLS.
/// Files are watched on `tasks` until `stop`.
pub(super) fn start(
    config: TlsConfig,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Option<(TlsAcceptor, Arc<Notify>)>, String> {
    if !config.is_on() {
        return Ok(None);
    }
    let options = config.options();
    let certificates = Arc::new(Certificates::new(config.certificates));
    let acceptor = TlsAcceptor::start(certificates, options);
    let acceptor = acceptor.map_err(|error| format!("cannot start TLS: {error}"))?;
    let stats = acceptor.stats().clone();
    if let Some(days_left) = stats.days_left().filter(|&days| days < FEW_DAYS) {
        tracing::warn!(days_left, "a certificate expires soon, or has expired");
    }
    for files in &config.files {
        if files.is_key_readable_by_others() {
            let file = &files.key;
            tracing::warn!(file, "every user of this machine can read the private key");
        }
    }
    let reloader = Reloader::new(config.files, stats, INTERVAL);
    let asked = reloader.asked();
    tasks.spawn(reloader.run(stop.clone()));
    Ok(Some((acceptor, asked)))
}
